"""The official Python client against the emulator.

    python_client.py ENDPOINT KEY [CERTIFICATE]

Leaves the database `interop-python` behind, for our client to read.
"""

import sys

from azure.cosmos import CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosAccessConditionFailedError, CosmosResourceExistsError, CosmosResourceNotFoundError
from azure.core import MatchConditions

CITIES = ["Lyon", "Nice", "Paris", "Zürich"]


def item(number):
    return {
        "id": f"order-{number:02}",
        "city": CITIES[number % 4],
        "total": number * 2.5,
        "tags": ["a", "b", "c"][: number % 4],
        "even": number % 2 == 0,
        "note": None if number % 5 else "é ☃ 𝄞",
    }


def refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def crud(orders):
    for number in range(24):
        orders.create_item(item(number))
    refused(CosmosResourceExistsError, lambda: orders.create_item(item(0)))
    read = orders.read_item("order-03", "Zürich")
    assert read["total"] == 7.5 and read["note"] is None, read
    replaced = orders.replace_item("order-03", dict(read, total=8), etag=read["_etag"], match_condition=MatchConditions.IfNotModified)
    stale = lambda: orders.replace_item("order-03", read, etag=read["_etag"], match_condition=MatchConditions.IfNotModified)
    refused(CosmosAccessConditionFailedError, stale)
    patched = orders.patch_item("order-03", "Zürich", [{"op": "incr", "path": "/total", "value": 0.5}])
    assert replaced["total"] == 8 and patched["total"] == 8.5, patched
    orders.upsert_item(item(3))
    orders.upsert_item({"id": "gone", "city": "Nice"})
    orders.delete_item("gone", "Nice")
    refused(CosmosResourceNotFoundError, lambda: orders.read_item("gone", "Nice"))
    operations = [("create", ({"id": "batched", "city": "Nice"},)), ("read", ("order-01",)), ("delete", ("batched",))]
    assert len(orders.execute_item_batch(operations, "Nice")) == 3
    assert len(list(orders.read_all_items())) == 24


def queries(orders, partitions):
    def rows(text, **options):
        options.setdefault("enable_cross_partition_query", True)
        return list(orders.query_items(text, **options))

    def same(text, expected, **options):
        found = rows(text, **options)
        assert found == expected, f"{text}: {found}, not {expected}"

    total = sum(number * 2.5 for number in range(24))
    same("SELECT VALUE c.id FROM c WHERE c.total > @t ORDER BY c.total DESC", ["order-23", "order-22", "order-21"],
         parameters=[{"name": "@t", "value": 51}])
    same("SELECT VALUE c.id FROM c ORDER BY c.id", [f"order-{number:02}" for number in range(24)], max_item_count=5)
    same("SELECT TOP 2 c.id, c.total FROM c ORDER BY c.total", [{"id": "order-00", "total": 0}, {"id": "order-01", "total": 2.5}])
    same("SELECT VALUE c.total FROM c ORDER BY c.total OFFSET 3 LIMIT 2", [7.5, 10])
    assert len(rows("SELECT TOP 7 * FROM c")) == 7
    assert sorted(rows("SELECT DISTINCT VALUE c.city FROM c")) == CITIES
    same("SELECT DISTINCT c.even FROM c ORDER BY c.even", [{"even": False}, {"even": True}])
    for function, expected in [("COUNT(1)", 24), ("SUM(c.total)", total), ("AVG(c.total)", total / 24), ("MIN(c.id)", "order-00"), ("MAX(c.total)", 57.5)]:
        same(f"SELECT VALUE {function} FROM c", [expected])
    same("SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.id = 'order-03'", ["a", "b", "c"])
    same("SELECT c.id FROM c WHERE c.note = 'é ☃ 𝄞' AND c.city = 'Lyon' ORDER BY c.id", [{"id": "order-00"}, {"id": "order-20"}])
    same("SELECT COUNT(1) AS n FROM c WHERE c.city = 'Nice'", [{"n": 6}], partition_key="Nice", enable_cross_partition_query=False)
    if partitions == 1:
        # Over several partitions this client refuses both.
        same("SELECT c.even, COUNT(1) AS n FROM c GROUP BY c.even ORDER BY c.even", [{"even": False, "n": 12}, {"even": True, "n": 12}])
        same("SELECT COUNT(1) AS n, MAX(c.total) AS most FROM c", [{"n": 24, "most": 57.5}])


def paging(orders):
    def pages(text, continuation=None):
        query = orders.query_items(text, partition_key="Paris", max_item_count=2)
        return query.by_page(continuation)

    for text in ["SELECT VALUE c.id FROM c", "SELECT VALUE c.id FROM c ORDER BY c.id DESC"]:
        whole = [row for page in pages(text) for row in page]
        assert len(whole) == 6, whole
        found, continuation = [], None
        while True:
            page = pages(text, continuation)
            found += list(next(page))
            continuation = page.continuation_token
            if not continuation:
                break
        assert found == whole, f"{text}: {found}, not {whole}"


def main():
    endpoint, key, *certificate = sys.argv[1:]
    options = {"connection_verify": certificate[0]} if certificate else {}
    client = CosmosClient(endpoint, key, **options)
    database = client.create_database("interop-python")
    orders = database.create_container("orders", PartitionKey("/city"))
    partitions = len(list(orders.read_feed_ranges()))
    crud(orders)
    queries(orders, partitions)
    paging(orders)
    assert sum(1 for _ in orders.query_items_change_feed(start_time="Beginning")) == 24
    print(f"Python: {endpoint}, {partitions} partitions")


main()
