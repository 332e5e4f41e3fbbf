"""Operations on items by the official Python client against the emulator.

    python_operations.py ENDPOINT KEY [CERTIFICATE]

Patch, batch, change feed, feed ranges and hierarchical partition keys. Leaves the database `operations-python` behind,
for our client to read.
"""

import sys

from azure.cosmos import CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

TENANTS = ["acme", "globex", "initech"]


def refused(status, call):
    try:
        call()
    except CosmosHttpResponseError as error:
        assert error.status_code == status, error
        return error
    raise AssertionError(f"{status} was expected")


def patch(orders):
    orders.create_item({"id": "patched", "city": "Lyon", "total": 1, "tags": ["a", "c"], "old": 1, "source": {"x": 1}})
    apply = lambda operations, **options: orders.patch_item("patched", "Lyon", operations, **options)
    patched = apply([
        {"op": "add", "path": "/tags/1", "value": "b"},
        {"op": "add", "path": "/tags/-", "value": "d"},
        {"op": "set", "path": "/name", "value": "é ☃"},
        {"op": "replace", "path": "/old", "value": 2},
        {"op": "incr", "path": "/total", "value": 1.5},
        {"op": "move", "from": "/source/x", "path": "/target"},
    ])
    assert patched["tags"] == ["a", "b", "c", "d"] and patched["total"] == 2.5 and patched["target"] == 1, patched
    patched = apply([{"op": "remove", "path": "/old"}], filter_predicate="FROM c WHERE c.total = 2.5")
    assert "old" not in patched and patched["source"] == {}, patched
    error = refused(412, lambda: apply([{"op": "incr", "path": "/total", "value": 1}], filter_predicate="FROM c WHERE c.total = 99"))
    assert error.sub_status == 1110, error.sub_status
    refused(400, lambda: apply([{"op": "incr", "path": f"/n{n}", "value": 1} for n in range(11)]))
    refused(400, lambda: apply([{"op": "remove", "path": "/absent"}]))
    refused(400, lambda: apply([{"op": "set", "path": "/id", "value": "x"}]))


def batch(orders):
    results = orders.execute_item_batch([
        ("create", ({"id": "b1", "city": "Nice", "n": 1},)),
        ("upsert", ({"id": "b2", "city": "Nice", "n": 2},)),
        ("replace", ("b1", {"id": "b1", "city": "Nice", "n": 10})),
        ("patch", ("b2", [{"op": "incr", "path": "/n", "value": 5}]), {"filter_predicate": "FROM c WHERE c.n = 2"}),
        ("read", ("b2",)),
        ("create", ({"id": "b3", "city": "Nice"},)),
        ("delete", ("b3",)),
    ], "Nice")
    assert [it["statusCode"] for it in results] == [201, 201, 200, 200, 200, 201, 204], results
    assert results[4]["resourceBody"]["n"] == 7, results[4]
    try:
        orders.execute_item_batch([("create", ({"id": "b4", "city": "Nice"},)), ("create", ({"id": "b1", "city": "Nice"},))], "Nice")
        raise AssertionError("a batch with a conflict was accepted")
    except CosmosBatchOperationError as error:
        statuses = [it["statusCode"] for it in error.operation_responses]
        assert statuses == [424, 409] and error.error_index == 1, statuses
    refused(404, lambda: orders.read_item("b4", "Nice"))
    stale = ("replace", ("b1", {"id": "b1", "city": "Nice", "n": 0}), {"if_match_etag": '"stale"'})
    try:
        orders.execute_item_batch([stale], "Nice")
        raise AssertionError("a stale replace was accepted")
    except CosmosBatchOperationError as error:
        assert error.operation_responses[0]["statusCode"] == 412
    refused(400, lambda: orders.execute_item_batch([("read", ("b1",))] * 101, "Nice"))


def change_feed(database, partitions):
    orders = database.create_container("feed", PartitionKey("/city"))
    for number in range(12):
        orders.create_item({"id": f"c{number:02}", "city": f"city-{number % 5}", "n": number})
    token = lambda: orders.client_connection.last_response_headers["etag"]
    ids = lambda **options: sorted(it["id"] for it in orders.query_items_change_feed(**options))
    everything = [f"c{number:02}" for number in range(12)]
    assert ids(start_time="Beginning", max_item_count=2) == everything
    place = token()
    assert ids(continuation=place) == []
    orders.patch_item("c03", "city-3", [{"op": "incr", "path": "/n", "value": 100}])
    orders.upsert_item({"id": "c12", "city": "city-2", "n": 12})
    assert ids(continuation=place) == ["c03", "c12"]
    assert ids(start_time="Beginning", partition_key="city-1") == ["c01", "c06", "c11"]
    by_range = [ids(start_time="Beginning", feed_range=it) for it in orders.read_feed_ranges()]
    assert len(by_range) == partitions and sorted(sum(by_range, [])) == sorted(everything + ["c12"]), by_range
    assert ids(start_time="Now") == []

    every_version = orders.query_items_change_feed(mode="AllVersionsAndDeletes")
    assert list(every_version) == []
    place = token()
    orders.create_item({"id": "c13", "city": "city-4", "n": 13})
    orders.delete_item("c13", "city-4")
    changes = list(orders.query_items_change_feed(continuation=place))
    assert [it["metadata"]["operationType"] for it in changes] == ["create", "delete"], changes


def feed_ranges(orders, partitions):
    ranges = list(orders.read_feed_ranges())
    assert len(ranges) == partitions
    of_key = orders.feed_range_from_partition_key("Lyon")
    assert sum(orders.is_feed_range_subset(it, of_key) for it in ranges) == 1
    rows = lambda **scope: sorted(it["id"] for it in orders.query_items("SELECT c.id FROM c", **scope))
    assert rows(feed_range=of_key) == ["patched"]
    assert sorted(sum((rows(feed_range=it) for it in ranges), [])) == ["b1", "b2", "patched"]
    many = orders.read_items([("b2", "Nice"), ("missing", "Nice"), ("patched", "Lyon")])
    assert sorted(it["id"] for it in many) == ["b2", "patched"], many


def hierarchical_keys(database):
    users = database.create_container("users", PartitionKey(["/tenant", "/user"], kind="MultiHash"))
    for number in range(18):
        users.create_item({"id": f"u{number:02}", "tenant": TENANTS[number % 3], "user": f"user-{number % 6}", "n": number})
    assert users.read_item("u04", ["globex", "user-4"])["n"] == 4
    refused(404, lambda: users.read_item("u04", ["globex", "user-1"]))
    users.patch_item("u04", ["globex", "user-4"], [{"op": "set", "path": "/n", "value": 40}])
    users.delete_item("u05", ["initech", "user-5"])
    ids = lambda key: sorted(it["id"] for it in users.query_items("SELECT c.id FROM c ORDER BY c.n", partition_key=key))
    assert ids(["acme"]) == ["u00", "u03", "u06", "u09", "u12", "u15"], ids(["acme"])
    assert ids(["acme", "user-3"]) == ["u03", "u09", "u15"]
    prefix = users.feed_range_from_partition_key(["acme"])
    assert len(list(users.query_items("SELECT * FROM c", feed_range=prefix))) == 6
    assert len(list(users.query_items_change_feed(start_time="Beginning", partition_key=["globex"]))) == 6
    users.delete_all_items_by_partition_key(["initech", "user-2"])
    assert ids(["initech"]) == ["u11", "u17"], ids(["initech"])


def main():
    endpoint, key, *certificate = sys.argv[1:]
    options = {"connection_verify": certificate[0]} if certificate else {}
    database = CosmosClient(endpoint, key, **options).create_database("operations-python")
    orders = database.create_container("orders", PartitionKey("/city"))
    partitions = len(list(orders.read_feed_ranges()))
    patch(orders)
    batch(orders)
    feed_ranges(orders, partitions)
    change_feed(database, partitions)
    hierarchical_keys(database)
    print(f"Python, operations on items: {endpoint}, {partitions} partitions")


main()
