// Operations on items by the official JavaScript client against the emulator.
//
//     js_operations.mjs ENDPOINT KEY
//
// Patch, batch, bulk, change feed, feed ranges and hierarchical partition keys. Leaves the database `operations-js`
// behind, for our client to read. A certificate is named by NODE_EXTRA_CA_CERTS.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

// The package lies where the script is run, not beside it.
const { ChangeFeedMode, ChangeFeedStartFrom, CosmosClient, PartitionKeyDefinitionVersion, PartitionKeyKind } =
  createRequire(`${process.cwd()}/`)("@azure/cosmos");

const TENANTS = ["acme", "globex", "initech"];

const refused = (code, call) => assert.rejects(call, (error) => error.code === code);

async function patch(orders) {
  await orders.items.create({ id: "patched", city: "Lyon", total: 1, tags: ["a", "c"], old: 1, source: { x: 1 } });
  const order = orders.item("patched", "Lyon");
  const { resource: patched } = await order.patch([
    { op: "add", path: "/tags/1", value: "b" },
    { op: "add", path: "/tags/-", value: "d" },
    { op: "set", path: "/name", value: "é ☃" },
    { op: "replace", path: "/old", value: 2 },
    { op: "incr", path: "/total", value: 1.5 },
    { op: "move", from: "/source/x", path: "/target" },
  ]);
  assert.deepEqual([patched.tags, patched.total, patched.target], [["a", "b", "c", "d"], 2.5, 1]);
  const remove = { condition: "FROM c WHERE c.total = 2.5", operations: [{ op: "remove", path: "/old" }] };
  assert.equal((await order.patch(remove)).resource.old, undefined);
  const never = { condition: "FROM c WHERE c.total = 99", operations: [{ op: "incr", path: "/total", value: 1 }] };
  await refused(412, () => order.patch(never));
  await refused(400, () => order.patch([...Array(11).keys()].map((n) => ({ op: "incr", path: `/n${n}`, value: 1 }))));
  await refused(400, () => order.patch([{ op: "remove", path: "/absent" }]));
}

async function batch(orders) {
  const { result } = await orders.items.batch(
    [
      { operationType: "Create", resourceBody: { id: "b1", city: "Nice", n: 1 } },
      { operationType: "Upsert", resourceBody: { id: "b2", city: "Nice", n: 2 } },
      { operationType: "Replace", id: "b1", resourceBody: { id: "b1", city: "Nice", n: 10 } },
      { operationType: "Patch", id: "b2", resourceBody: { operations: [{ op: "incr", path: "/n", value: 5 }] } },
      { operationType: "Read", id: "b2" },
      { operationType: "Create", resourceBody: { id: "b3", city: "Nice" } },
      { operationType: "Delete", id: "b3" },
    ],
    "Nice",
  );
  assert.deepEqual(result.map((it) => it.statusCode), [201, 201, 200, 200, 200, 201, 204]);
  assert.equal(result[4].resourceBody.n, 7);
  const create = (id) => ({ operationType: "Create", resourceBody: { id, city: "Nice" } });
  const failed = await orders.items.batch([create("b4"), create("b1")], "Nice");
  assert.deepEqual([failed.code, failed.result.map((it) => it.statusCode)], [207, [424, 409]]);
  assert.equal((await orders.item("b4", "Nice").read()).statusCode, 404);
}

async function bulk(database) {
  const { container: orders } = await database.containers.create({ id: "bulk", partitionKey: { paths: ["/city"] } });
  const creates = [...Array(250).keys()].map((n) => ({
    operationType: "Create",
    partitionKey: `city-${n % 40}`,
    resourceBody: { id: `k${n}`, city: `city-${n % 40}` },
  }));
  const statuses = (await orders.items.executeBulkOperations(creates)).map((it) => it.response?.statusCode);
  assert.deepEqual(new Set(statuses), new Set([201]));
}

async function changes(iterator) {
  const items = [];
  for (;;) {
    const page = await iterator.readNext();
    if (page.statusCode === 304) return [items, page.continuationToken];
    items.push(...page.result);
  }
}

async function changeFeed(database, partitions) {
  const { container: orders } = await database.containers.create({ id: "feed", partitionKey: { paths: ["/city"] } });
  for (let n = 0; n < 12; n++) {
    await orders.items.create({ id: `c${String(n).padStart(2, "0")}`, city: `city-${n % 5}`, n });
  }
  const read = async (changeFeedStartFrom, options) => {
    const [items, place] = await changes(orders.items.getChangeFeedIterator({ changeFeedStartFrom, ...options }));
    return [items.map((it) => it.id).sort(), place];
  };
  const everything = [...Array(12).keys()].map((n) => `c${String(n).padStart(2, "0")}`);
  let [ids, place] = await read(ChangeFeedStartFrom.Beginning(), { maxItemCount: 2 });
  assert.deepEqual(ids, everything);
  await orders.item("c03", "city-3").patch([{ op: "incr", path: "/n", value: 100 }]);
  await orders.items.upsert({ id: "c12", city: "city-2", n: 12 });
  [ids] = await read(ChangeFeedStartFrom.Continuation(place));
  assert.deepEqual(ids, ["c03", "c12"]);
  [ids] = await read(ChangeFeedStartFrom.Beginning("city-1"));
  assert.deepEqual(ids, ["c01", "c06", "c11"]);
  const ranges = await orders.getFeedRanges();
  assert.equal(ranges.length, partitions);
  const found = [];
  for (const range of ranges) found.push(...(await read(ChangeFeedStartFrom.Beginning(range)))[0]);
  assert.deepEqual(found.sort(), [...everything, "c12"]);

  const versions = { changeFeedMode: ChangeFeedMode.AllVersionsAndDeletes };
  [, place] = await changes(orders.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Now(), ...versions }));
  await orders.items.create({ id: "c13", city: "city-4", n: 13 });
  await orders.item("c13", "city-4").delete();
  const resumed = { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(place), ...versions };
  const [every] = await changes(orders.items.getChangeFeedIterator(resumed));
  assert.deepEqual(every.map((it) => it.metadata.operationType), ["create", "delete"]);
}

async function hierarchicalKeys(database) {
  const { container: users } = await database.containers.create({
    id: "users",
    partitionKey: { paths: ["/tenant", "/user"], kind: PartitionKeyKind.MultiHash, version: PartitionKeyDefinitionVersion.V2 },
  });
  for (let n = 0; n < 18; n++) {
    await users.items.create({ id: `u${String(n).padStart(2, "0")}`, tenant: TENANTS[n % 3], user: `user-${n % 6}`, n });
  }
  assert.equal((await users.item("u04", ["globex", "user-4"]).read()).resource.n, 4);
  assert.equal((await users.item("u04", ["globex", "user-1"]).read()).statusCode, 404);
  await users.item("u04", ["globex", "user-4"]).patch([{ op: "set", path: "/n", value: 40 }]);
  await users.item("u05", ["initech", "user-5"]).delete();
  const query = async (text, partitionKey) => (await users.items.query(text, { partitionKey }).fetchAll()).resources;
  assert.deepEqual(await query("SELECT VALUE c.id FROM c ORDER BY c.n", ["acme", "user-3"]), ["u03", "u09", "u15"]);
  assert.equal((await query("SELECT * FROM c WHERE c.tenant = 'acme'")).length, 6);
  await users.deleteAllItemsForPartitionKey(["initech", "user-2"]);
  assert.deepEqual((await query("SELECT VALUE c.id FROM c WHERE c.tenant = 'initech'")).sort(), ["u11", "u17"]);
}

const [endpoint, key] = process.argv.slice(2);
const client = new CosmosClient({ endpoint, key });
const { database } = await client.databases.create({ id: "operations-js" });
const { container: orders } = await database.containers.create({ id: "orders", partitionKey: { paths: ["/city"] } });
const { resources: ranges } = await orders.readPartitionKeyRanges().fetchAll();
await patch(orders);
await batch(orders);
await bulk(database);
await changeFeed(database, ranges.length);
await hierarchicalKeys(database);
console.log(`JavaScript, operations on items: ${endpoint}, ${ranges.length} partitions`);
process.exit(0);
