"""The Python client of the release line 1 to 3 against the emulator.

    python_seed.py ENDPOINT KEY write    leaves the database `seed-python` behind, for our client to read
    python_seed.py ENDPOINT KEY read     reads the database `seed-ours`, which our client wrote
"""

import collections
import collections.abc
import sys
import time
import warnings

# The client is older than Python 3.10, which moved these.
for name in ("Mapping", "MutableMapping", "Sequence"):
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
warnings.simplefilter("ignore")

import azure.cosmos.cosmos_client as cosmos_client
import azure.cosmos.documents as documents
from azure.cosmos.errors import HTTPFailure

DATABASE = "dbs/seed-python"
ORDERS = DATABASE + "/colls/orders"
# Each is in a range of its own where there are four: this client fails on MIN and MAX of a range without items.
CITIES = ["Roma", "Nice", "Paris", "Zürich"]
ACROSS = {"enableCrossPartitionQuery": True}


def refused(status, call):
    try:
        call()
    except HTTPFailure as error:
        assert error.status_code == status, error
        return
    raise AssertionError(f"{status} was expected")


def order(number):
    return {"id": f"order-{number:02}", "city": CITIES[number % 4], "total": number * 2.5, "even": number % 2 == 0}


def crud(client, create, upsert, read, replace, delete, list_all, query, parent, body, change):
    """What every child resource can do: create, upsert, read, list, query, replace, delete."""
    made = create(parent, dict(body))
    refused(409, lambda: create(parent, dict(body)))
    assert read(made["_self"])["id"] == body["id"]
    if upsert:
        assert upsert(parent, dict(body))["_rid"] == made["_rid"]
    assert [it["id"] for it in list_all(parent)] == [body["id"]]
    found = query(parent, {"query": "SELECT * FROM r WHERE r.id = @id", "parameters": [{"name": "@id", "value": body["id"]}]})
    assert len(list(found)) == 1
    changed = dict(read(made["_self"]), **change)
    if replace:
        replaced = replace(made["_self"], changed)
        assert all(replaced[name] == value for name, value in change.items()), replaced
    delete(made["_self"])
    refused(404, lambda: read(made["_self"]))


def databases_and_containers(client):
    client.CreateDatabase({"id": "seed-python"})
    refused(409, lambda: client.CreateDatabase({"id": "seed-python"}))
    assert any(it["id"] == "seed-python" for it in client.ReadDatabases())
    by_id = {"query": "SELECT * FROM r WHERE r.id = @id", "parameters": [{"name": "@id", "value": "seed-python"}]}
    assert len(list(client.QueryDatabases(by_id))) == 1
    orders = {"id": "orders", "partitionKey": {"paths": ["/city"], "kind": "Hash"}, "defaultTtl": -1}
    made = client.CreateContainer(DATABASE, orders, {"offerThroughput": 2500})
    assert client.ReadContainer(ORDERS, {"populateQuotaInfo": True})["partitionKey"]["paths"] == ["/city"]
    headers = client.last_response_headers
    assert headers["x-ms-documentdb-collection-index-transformation-progress"] == "100"
    made["indexingPolicy"]["excludedPaths"] = [{"path": "/note/?"}]
    assert client.ReplaceContainer(ORDERS, made)["indexingPolicy"]["excludedPaths"][0]["path"] == "/note/?"
    crud(client, client.CreateContainer, None, client.ReadContainer, client.ReplaceContainer, client.DeleteContainer,
         lambda link: [it for it in client.ReadContainers(link) if it["id"] == "spare"],
         client.QueryContainers, DATABASE, {"id": "spare", "partitionKey": {"paths": ["/pk"], "kind": "Hash"}}, {"defaultTtl": 60})


def items(client):
    for number in range(24):
        client.CreateItem(ORDERS, order(number))
    refused(409, lambda: client.CreateItem(ORDERS, order(0)))
    link, zurich = ORDERS + "/docs/order-03", {"partitionKey": "Zürich"}
    read = client.ReadItem(link, zurich)
    assert read["total"] == 7.5
    matching = dict(zurich, accessCondition={"type": "IfMatch", "condition": read["_etag"]})
    client.ReplaceItem(link, dict(read, total=8), matching)
    refused(412, lambda: client.ReplaceItem(link, read, matching))
    client.UpsertItem(ORDERS, order(3))
    client.UpsertItem(ORDERS, {"id": "gone", "city": "Nice"})
    client.DeleteItem(ORDERS + "/docs/gone", {"partitionKey": "Nice"})
    refused(404, lambda: client.ReadItem(ORDERS + "/docs/gone", {"partitionKey": "Nice"}))
    assert len(list(client.ReadItems(ORDERS))) == 24
    by_self = client.ReadItem(read["_self"], zurich)
    assert by_self["id"] == "order-03"
    assert len(list(client.QueryItemsChangeFeed(ORDERS, {"isStartFromBeginning": True, "partitionKeyRangeId": "0"}))) > 0


def queries(client):
    def rows(text, options=ACROSS):
        return list(client.QueryItems(ORDERS, text, options))

    refused(400, lambda: rows("SELECT * FROM c WHERE c.total > 1", {}))
    assert len(rows("SELECT * FROM c WHERE c.city = 'Roma'", {"partitionKey": "Roma"})) == 6
    ids = [it["id"] for it in rows("SELECT c.id FROM c ORDER BY c.total DESC", dict(ACROSS, maxItemCount=3))]
    assert ids == [f"order-{number:02}" for number in reversed(range(24))], ids
    assert [it["id"] for it in rows("SELECT TOP 2 c.id FROM c ORDER BY c.total")] == ["order-00", "order-01"]
    assert len(rows("SELECT TOP 7 * FROM c")) == 7
    total = sum(number * 2.5 for number in range(24))
    for function, expected in [("COUNT(1)", 24), ("SUM(c.total)", total), ("AVG(c.total)", total / 24), ("MIN(c.id)", "order-00"), ("MAX(c.total)", 57.5)]:
        assert rows(f"SELECT VALUE {function} FROM c") == [expected], function


def scripts(client):
    function = lambda body, **more: dict({"id": "script", "body": body}, **more)
    crud(client, client.CreateStoredProcedure, client.UpsertStoredProcedure, client.ReadStoredProcedure, client.ReplaceStoredProcedure,
         client.DeleteStoredProcedure, client.ReadStoredProcedures, client.QueryStoredProcedures, ORDERS,
         function("function () {}"), {"body": "function () { return 1; }"})
    crud(client, client.CreateTrigger, client.UpsertTrigger, client.ReadTrigger, client.ReplaceTrigger, client.DeleteTrigger,
         client.ReadTriggers, client.QueryTriggers, ORDERS,
         function("function () {}", triggerType="Pre", triggerOperation="All"), {"triggerOperation": "Create"})
    crud(client, client.CreateUserDefinedFunction, client.UpsertUserDefinedFunction, client.ReadUserDefinedFunction,
         client.ReplaceUserDefinedFunction, client.DeleteUserDefinedFunction, client.ReadUserDefinedFunctions,
         client.QueryUserDefinedFunctions, ORDERS, function("function (x) { return x; }"), {"body": "function (x) { return 2 * x; }"})

    procedure = client.CreateStoredProcedure(ORDERS, {"id": "add", "body": """function (first, second) {
        console.log("adding a b");
        var container = getContext().getCollection();
        var accepted = container.createDocument(container.getSelfLink(), { id: "by-procedure", city: "Roma", sum: first + second },
            function (error, item) { if (error) throw error; getContext().getResponse().setBody(item.sum); });
        if (!accepted) throw new Error("not accepted");
    }"""})
    options = {"partitionKey": "Roma", "enableScriptLogging": True}
    assert client.ExecuteStoredProcedure(procedure["_self"], [40, 2], options) == 42
    log = client.last_response_headers["x-ms-documentdb-script-log-results"]
    assert "adding%20a%20b" in log, log
    assert client.ReadItem(ORDERS + "/docs/by-procedure", {"partitionKey": "Roma"})["sum"] == 42
    refused(400, lambda: client.ExecuteStoredProcedure(procedure["_self"], [1, 1], options))

    client.CreateTrigger(ORDERS, {"id": "stamp", "triggerType": "Pre", "triggerOperation": "All", "body": """function () {
        var item = getContext().getRequest().getBody();
        item.stamped = true;
        getContext().getRequest().setBody(item);
    }"""})
    stamped = client.CreateItem(ORDERS, {"id": "stamped", "city": "Nice"}, {"preTriggerInclude": "stamp"})
    assert stamped["stamped"] is True, stamped
    client.CreateUserDefinedFunction(ORDERS, {"id": "double", "body": "function (x) { return 2 * x; }"})
    doubled = client.QueryItems(ORDERS, "SELECT VALUE udf.double(c.total) FROM c WHERE c.id = 'order-02'", {"partitionKey": "Paris"})
    assert list(doubled) == [10]


def users_and_permissions(client, endpoint):
    crud(client, client.CreateUser, client.UpsertUser, client.ReadUser, client.ReplaceUser, client.DeleteUser, client.ReadUsers,
         client.QueryUsers, DATABASE, {"id": "somebody"}, {"id": "another"})
    user = client.CreateUser(DATABASE, {"id": "reader"})
    body = {"id": "spare", "permissionMode": "All", "resource": ORDERS}
    crud(client, client.CreatePermission, client.UpsertPermission, client.ReadPermission, client.ReplacePermission,
         client.DeletePermission, client.ReadPermissions, client.QueryPermissions, user["_self"], body, {"permissionMode": "Read"})
    orders = client.ReadContainer(ORDERS)
    body = {"id": "nice", "permissionMode": "Read", "resource": orders["_self"], "resourcePartitionKey": ["Nice"]}
    permission = client.CreatePermission(user["_self"], body, {"resourceTokenExpirySeconds": 60})
    confined = cosmos_client.CosmosClient(endpoint, {"permissionFeed": [permission]})
    link = orders["_self"] + "docs/"
    item = client.ReadItem(ORDERS + "/docs/order-01", {"partitionKey": "Nice"})
    assert confined.ReadItem(item["_self"], {"partitionKey": "Nice"})["id"] == "order-01"
    refused(403, lambda: confined.ReplaceItem(item["_self"], item, {"partitionKey": "Nice"}))
    other = client.ReadItem(ORDERS + "/docs/order-00", {"partitionKey": "Roma"})
    refused(403, lambda: confined.ReadItem(other["_self"], {"partitionKey": "Roma"}))


def offers(client):
    orders = client.ReadContainer(ORDERS)
    offer = next(it for it in client.ReadOffers() if it["resource"].strip("/") == orders["_self"].strip("/"))
    assert offer["content"]["offerThroughput"] == 2500
    offer["content"]["offerThroughput"] = 600
    assert client.ReplaceOffer(offer["_self"], offer)["content"]["offerThroughput"] == 600
    by_resource = {"query": "SELECT * FROM o WHERE o.offerResourceId = @rid", "parameters": [{"name": "@rid", "value": orders["_rid"]}]}
    assert [it["id"] for it in client.QueryOffers(by_resource)] == [offer["id"]]


def conflicts_and_ttl(client):
    assert list(client.ReadConflicts(ORDERS)) == []
    client.CreateItem(ORDERS, {"id": "short-lived", "city": "Nice", "ttl": 1})
    time.sleep(2.1)
    refused(404, lambda: client.ReadItem(ORDERS + "/docs/short-lived", {"partitionKey": "Nice"}))


def write(client, endpoint):
    databases_and_containers(client)
    items(client)
    queries(client)
    scripts(client)
    users_and_permissions(client, endpoint)
    offers(client)
    conflicts_and_ttl(client)


def read(client):
    container = "dbs/seed-ours/colls/orders"
    assert {it["id"]: it["total"] for it in client.ReadItems(container)} == {f"order-{n:02}": n * 2.5 for n in range(24)}
    assert client.ExecuteStoredProcedure(container + "/sprocs/echo", ["é ☃"], {"partitionKey": "Roma"}) == "é ☃"
    assert client.ReadTrigger(container + "/triggers/stamp")["triggerType"] == "Pre"
    doubled = {"query": "SELECT VALUE udf.double(c.total) FROM c WHERE c.id = 'order-03'"}
    assert list(client.QueryItems(container, doubled, ACROSS)) == [15]
    permission = client.ReadPermission("dbs/seed-ours/users/reader/permissions/orders")
    assert permission["permissionMode"] == "Read" and permission["_token"]
    orders = client.ReadContainer(container)
    offer = next(it for it in client.ReadOffers() if it["offerResourceId"] == orders["_rid"])
    assert offer["content"]["offerThroughput"] == 1000 and orders["defaultTtl"] == 3600


def main():
    endpoint, key, direction = sys.argv[1:]
    policy = documents.ConnectionPolicy()
    policy.DisableSSLVerification = True
    client = cosmos_client.CosmosClient(endpoint, {"masterKey": key}, policy)
    write(client, endpoint) if direction == "write" else read(client)
    print(f"Python 3.2.0, {direction}: {endpoint}, {len(list(client._ReadPartitionKeyRanges(ORDERS)))} partitions" if direction == "write" else f"Python 3.2.0, {direction}: {endpoint}")


main()
