// The official JavaScript client against the emulator.
//
//     js_client.mjs ENDPOINT KEY
//
// Leaves the database `interop-js` behind, for our client to read. A certificate is named by NODE_EXTRA_CA_CERTS.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

// The package lies where the script is run, not beside it.
const { CosmosClient } = createRequire(`${process.cwd()}/`)("@azure/cosmos");

const CITIES = ["Lyon", "Nice", "Paris", "Zürich"];

const item = (number) => ({
  id: `order-${String(number).padStart(2, "0")}`,
  city: CITIES[number % 4],
  total: number * 2.5,
  tags: ["a", "b", "c"].slice(0, number % 4),
  even: number % 2 === 0,
  note: number % 5 ? null : "é ☃ 𝄞",
});

const refused = (code, call) => assert.rejects(call, (error) => error.code === code);

async function crud(orders) {
  for (let number = 0; number < 24; number++) await orders.items.create(item(number));
  await refused(409, () => orders.items.create(item(0)));
  const order = orders.item("order-03", "Zürich");
  const { resource: read } = await order.read();
  assert.equal(read.total, 7.5);
  const accessCondition = { type: "IfMatch", condition: read._etag };
  const { resource: replaced } = await order.replace({ ...read, total: 8 }, { accessCondition });
  assert.equal(replaced.total, 8);
  await refused(412, () => order.replace(read, { accessCondition }));
  const { resource: patched } = await order.patch([{ op: "incr", path: "/total", value: 0.5 }]);
  assert.equal(patched.total, 8.5);
  await orders.items.upsert(item(3));
  await orders.items.upsert({ id: "gone", city: "Nice" });
  await orders.item("gone", "Nice").delete();
  assert.equal((await orders.item("gone", "Nice").read()).statusCode, 404);
  const operations = [
    { operationType: "Create", resourceBody: { id: "batched", city: "Nice" } },
    { operationType: "Delete", id: "batched" },
  ];
  assert.equal((await orders.items.batch(operations, "Nice")).code, 200);
  assert.equal((await orders.items.readAll().fetchAll()).resources.length, 24);
}

async function queries(orders) {
  const rows = async (query, options) => (await orders.items.query(query, options).fetchAll()).resources;
  const same = async (query, expected, options) => assert.deepEqual(await rows(query, options), expected, String(query));
  const ids = [...Array(24).keys()].map((number) => item(number).id);
  const total = 2.5 * 276;

  const filter = { query: "SELECT VALUE c.id FROM c WHERE c.total > @t ORDER BY c.total DESC", parameters: [{ name: "@t", value: 51 }] };
  await same(filter, ["order-23", "order-22", "order-21"]);
  await same("SELECT VALUE c.id FROM c ORDER BY c.id", ids, { maxItemCount: 5 });
  await same("SELECT TOP 2 c.id, c.total FROM c ORDER BY c.total", [{ id: "order-00", total: 0 }, { id: "order-01", total: 2.5 }]);
  await same("SELECT c.total FROM c ORDER BY c.total OFFSET 3 LIMIT 2", [{ total: 7.5 }, { total: 10 }]);
  assert.equal((await rows("SELECT TOP 7 * FROM c")).length, 7);
  assert.deepEqual((await rows("SELECT DISTINCT VALUE c.city FROM c")).sort(), CITIES);
  const functions = { "COUNT(1)": 24, "SUM(c.total)": total, "AVG(c.total)": total / 24, "MIN(c.id)": "order-00", "MAX(c.total)": 57.5 };
  for (const [call, expected] of Object.entries(functions)) await same(`SELECT VALUE ${call} FROM c`, [expected]);
  await same("SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.id = 'order-03'", ["a", "b", "c"]);
  await same("SELECT COUNT(1) AS n, MAX(c.total) AS most FROM c", [{ n: 24, most: 57.5 }]);

  const groups = await rows("SELECT c.city, COUNT(1) AS n, SUM(c.total) AS sum FROM c GROUP BY c.city");
  const wanted = CITIES.map((city, index) => ({ city, n: 6, sum: 2.5 * (6 * index + 60) }));
  assert.deepEqual(groups.sort((a, b) => CITIES.indexOf(a.city) - CITIES.indexOf(b.city)), wanted);
}

async function paging(orders) {
  const query = (continuationToken, text, partitionKey) =>
    orders.items.query(text, { maxItemCount: 2, continuationToken, partitionKey });
  for (const [text, key, count] of [
    ["SELECT VALUE c.id FROM c", undefined, 24],
    ["SELECT VALUE c.id FROM c", "Paris", 6],
    ["SELECT VALUE c.id FROM c ORDER BY c.id DESC", "Paris", 6],
  ]) {
    const found = [];
    let continuation;
    do {
      const page = await query(continuation, text, key).fetchNext();
      found.push(...(page.resources ?? []));
      continuation = page.continuationToken;
    } while (continuation);
    assert.equal(new Set(found).size, count, text);
    assert.equal(found.length, count, text);
    if (key) assert.deepEqual(found, (await orders.items.query(text, { partitionKey: key }).fetchAll()).resources);
  }
}

const [endpoint, key] = process.argv.slice(2);
const client = new CosmosClient({ endpoint, key });
const { database } = await client.databases.create({ id: "interop-js" });
const { container: orders } = await database.containers.create({ id: "orders", partitionKey: { paths: ["/city"] } });
const { resources: ranges } = await orders.readPartitionKeyRanges().fetchAll();
await crud(orders);
await queries(orders);
await paging(orders);
console.log(`JavaScript: ${endpoint}, ${ranges.length} partitions`);
process.exit(0);
