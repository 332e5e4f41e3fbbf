//! Queries in one partition and over all of them, in one go and page by page.

use cosmosdb::{Container, ErrorKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_filter_finds_items_of_all_partitions,
    parameters_of_every_type_are_bound,
    one_partition_can_be_queried,
    projections_and_values,
    joins_and_subqueries,
    pages_can_be_taken_one_by_one_and_continued,
    order_by_top_and_offset_within_a_partition,
    aggregates_and_groups_within_a_partition,
    undefined_is_not_null,
    a_syntax_error_says_where,
    an_empty_result_is_one_empty_page,
    the_charge_adds_up,
    feed_ranges_share_a_query_out,
    a_prefix_of_a_hierarchical_key_confines_a_query,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    id: String,
    city: String,
    total: f64,
}

/// 30 orders in 5 cities, totals 0 to 29.
fn orders(account: &Account) -> crate::backend::Owned<Container> {
    let orders = account.container("/city");
    for number in 0..30 {
        let city = ["Lyon", "Nice", "Paris", "Lille", "Brest"][number % 5];
        let tags = ["a", "b", "c"].get(..number % 4).unwrap();
        let item =
            json!({ "id": format!("{number:02}"), "city": city, "total": number, "tags": tags });
        orders.create_item(&item).send().unwrap();
    }
    orders
}

fn ids(query: cosmosdb::Query<Order>) -> Vec<String> {
    let mut ids: Vec<String> = query.into_iter().map(|it| it.unwrap().id).collect();
    ids.sort();
    ids
}

fn a_filter_finds_items_of_all_partitions(account: &Account) {
    let orders = orders(account);
    let found = ids(orders.query_items("SELECT * FROM c WHERE c.total >= 27"));
    assert_eq!(found, ["27", "28", "29"]);
    assert_eq!(ids(orders.query_items("SELECT * FROM c")).len(), 30);
}

fn parameters_of_every_type_are_bound(account: &Account) {
    let orders = orders(account);
    let query = orders
        .query_items("SELECT * FROM c WHERE c.total >= @min AND ARRAY_CONTAINS(@cities, c.city)");
    assert_eq!(
        ids(query.param("@min", 20).param("@cities", ["Lyon", "Nice"])),
        ["20", "21", "25", "26"]
    );
    let echo = |value: Value| -> Value {
        let query =
            orders.query_items("SELECT VALUE {\"v\": @v}").param("@v", value).partition_key("Lyon");
        query.into_iter().next().unwrap().unwrap()
    };
    for value in [
        json!(null),
        json!(true),
        json!(1.5),
        json!("é \" '"),
        json!([1, [2]]),
        json!({ "a": { "b": 1 } }),
    ] {
        assert_eq!(echo(value.clone())["v"], value);
    }
}

fn one_partition_can_be_queried(account: &Account) {
    let orders = orders(account);
    let query = orders.query_items("SELECT * FROM c WHERE c.total > 10").partition_key("Lyon");
    assert_eq!(ids(query), ["15", "20", "25"]);
    assert_eq!(ids(orders.query_items("SELECT * FROM c").partition_key("Rome")), [""; 0]);
}

fn projections_and_values(account: &Account) {
    let orders = orders(account);
    let one =
        |text: &str| -> Value { orders.query_items(text).into_iter().next().unwrap().unwrap() };
    assert_eq!(
        one("SELECT c.id, c.total AS sum FROM c WHERE c.id = '07'"),
        json!({ "id": "07", "sum": 7 })
    );
    assert_eq!(one("SELECT VALUE c.total FROM c WHERE c.id = '07'"), json!(7));
    assert_eq!(one("SELECT VALUE [c.id, c.city] FROM c WHERE c.id = '07'"), json!(["07", "Paris"]));
    assert_eq!(
        one("SELECT c.total + 1, c.total / 2 FROM c WHERE c.id = '07'"),
        json!({ "$1": 8, "$2": 3.5 })
    );
    assert_eq!(
        one("SELECT orders.id FROM orders WHERE orders.total BETWEEN 7 AND 7"),
        json!({ "id": "07" })
    );
}

fn joins_and_subqueries(account: &Account) {
    let orders = orders(account);
    let query = orders.query_items::<Value>(
        "SELECT c.id, t AS tag FROM c JOIN t IN c.tags WHERE c.id IN ('02', '03')",
    );
    let mut rows: Vec<String> = query.into_iter().map(|it| it.unwrap().to_string()).collect();
    rows.sort();
    assert_eq!(rows.len(), 2 + 3, "{rows:?}");
    let exists = "SELECT * FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'c') AND c.total < 10";
    assert_eq!(ids(orders.query_items(exists)), ["03", "07"]);
}

fn pages_can_be_taken_one_by_one_and_continued(account: &Account) {
    let orders = orders(account);
    let query =
        || orders.query_items::<Order>("SELECT * FROM c WHERE c.total >= 3").max_item_count(4);
    let mut seen: Vec<String> = Vec::new();
    let mut continuation: Option<String> = None;
    for _ in 0..100 {
        let mut pages = query().set(continuation.take(), cosmosdb::Query::continue_from).pages();
        let Some(page) = pages.next() else { break };
        let page = page.unwrap();
        assert!(page.items().len() <= 4);
        continuation = page.continuation().map(str::to_owned);
        seen.extend(page.into_items().into_iter().map(|it| it.id));
        if continuation.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (3..30).map(|it| format!("{it:02}")).collect::<Vec<_>>());
}

/// The rows of a query in one partition.
fn in_lyon<T: DeserializeOwned>(orders: &Container, text: &str) -> Vec<T> {
    let rows = orders.query_items(text).partition_key("Lyon");
    rows.into_iter().collect::<Result<_, _>>().unwrap()
}

fn order_by_top_and_offset_within_a_partition(account: &Account) {
    let orders = orders(account);
    let run = |text: &str| in_lyon::<u32>(&orders, text);
    assert_eq!(run("SELECT VALUE c.total FROM c ORDER BY c.total DESC"), [25, 20, 15, 10, 5, 0]);
    assert_eq!(run("SELECT TOP 2 VALUE c.total FROM c ORDER BY c.total"), [0, 5]);
    assert_eq!(run("SELECT VALUE c.total FROM c ORDER BY c.total OFFSET 2 LIMIT 3"), [10, 15, 20]);
}

fn aggregates_and_groups_within_a_partition(account: &Account) {
    let orders = orders(account);
    let run = |text: &str| in_lyon::<Value>(&orders, text);
    assert_eq!(run("SELECT VALUE COUNT(1) FROM c"), [json!(6)]);
    assert_eq!(run("SELECT VALUE AVG(c.total) FROM c"), [json!(12.5)]);
    assert_eq!(
        run(
            "SELECT COUNT(1) AS n, SUM(c.total) AS s, MIN(c.total) AS low, MAX(c.total) AS high FROM c"
        ),
        [json!({ "n": 6, "s": 75, "low": 0, "high": 25 })]
    );
    assert_eq!(
        run("SELECT c.city, COUNT(1) AS n FROM c GROUP BY c.city"),
        [json!({ "city": "Lyon", "n": 6 })]
    );
    assert_eq!(run("SELECT DISTINCT VALUE c.city FROM c"), [json!("Lyon")]);
}

fn undefined_is_not_null(account: &Account) {
    let container = account.container("/pk");
    container.create_item(&json!({ "id": "1", "pk": 1, "a": null })).send().unwrap();
    container.create_item(&json!({ "id": "2", "pk": 1 })).send().unwrap();
    let run = |text: &str| -> Vec<Value> {
        container.query_items(text).into_iter().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(run("SELECT VALUE c.id FROM c WHERE IS_NULL(c.a)"), [json!("1")]);
    assert_eq!(run("SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.a)"), [json!("2")]);
    assert_eq!(run("SELECT VALUE c.a FROM c"), [Value::Null]);
    assert_eq!(run("SELECT c.a FROM c WHERE c.id = '2'"), [json!({})]);
    assert!(run("SELECT VALUE c.id FROM c WHERE c.a != 1").is_empty());
}

fn a_syntax_error_says_where(account: &Account) {
    let container = account.container("/pk");
    let error = container
        .query_items::<Value>("SELECT FROM c")
        .partition_key(1)
        .into_iter()
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    assert_eq!(error.status().unwrap(), 400);
    assert!(error.to_string().contains("incorrect syntax near 'FROM'"), "{error}");
}

fn an_empty_result_is_one_empty_page(account: &Account) {
    let container = account.container("/pk");
    let mut pages = container.query_items::<Value>("SELECT * FROM c").pages();
    let page = pages.next().unwrap().unwrap();
    assert!(page.items().is_empty() && page.continuation().is_none());
    assert!(pages.next().is_none() && pages.next().is_none());
}

fn the_charge_adds_up(account: &Account) {
    let orders = orders(account);
    let mut pages = orders.query_items::<Order>("SELECT * FROM c").max_item_count(5).pages();
    let mut sum = 0.0;
    for page in &mut pages {
        let page = page.unwrap();
        assert!(page.request_charge() > 0.0);
        assert!(!page.diagnostics().is_empty());
        sum += page.request_charge();
    }
    assert!((pages.request_charge() - sum).abs() < 1e-9);
}

fn feed_ranges_share_a_query_out(account: &Account) {
    let orders = orders(account);
    let mut found = Vec::new();
    for range in orders.feed_ranges().unwrap() {
        let query =
            orders.query_items::<Order>("SELECT * FROM c ORDER BY c.total").feed_range(&range);
        let part: Vec<f64> = query.into_iter().map(|it| it.unwrap().total).collect();
        assert!(part.is_sorted());
        found.extend(part);
    }
    found.sort_by(f64::total_cmp);
    assert_eq!(found, (0..30).map(f64::from).collect::<Vec<_>>());

    let lyon = orders.feed_range_of("Lyon").unwrap();
    let query = orders.query_items::<u64>("SELECT VALUE COUNT(1) FROM c").feed_range(&lyon);
    assert_eq!(query.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), [6]);
    let both =
        orders.query_items::<Order>("SELECT * FROM c").feed_range(&lyon).partition_key("Lyon");
    let error = both.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

fn a_prefix_of_a_hierarchical_key_confines_a_query(account: &Account) {
    let visits = account.container(["/tenant", "/user"]);
    for number in 0..24 {
        let (tenant, user) = (["FR", "IT", "ES"][number % 3], number % 4);
        let item = json!({ "id": number.to_string(), "tenant": tenant, "user": user, "n": number });
        visits.create_item(&item).send().unwrap();
    }
    let run = |text: &str, key: cosmosdb::PartitionKey| -> Vec<u64> {
        visits.query_items(text).partition_key(key).into_iter().collect::<Result<_, _>>().unwrap()
    };
    let tenant = run("SELECT VALUE c.n FROM c ORDER BY c.n DESC", "FR".into());
    assert_eq!(tenant, [21, 18, 15, 12, 9, 6, 3, 0]);
    let user = run("SELECT VALUE c.n FROM c ORDER BY c.n", ("FR", 1).into());
    assert_eq!(user, [9, 21]);
    assert_eq!(run("SELECT VALUE COUNT(1) FROM c", "IT".into()), [8]);
}
