//! Our client on a server of others, and on what clients of others wrote to ours.

use cosmosdb::{Container, CosmosClient};
use serde_json::{Value, json};

/// Runs where `COSMOS_TEST_IMPORTED` names the file; the account is that of `COSMOS_TEST_CONNECTION_STRING`.
#[test]
fn imported_data_is_that_of_the_file() {
    let Ok(file) = std::env::var("COSMOS_TEST_IMPORTED") else { return };
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let client: CosmosClient = crate::backend::live_client().unwrap();
    let movies = client.database("interop").container("movies");

    let stored: Vec<Value> = movies.items().into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(stored.len(), rows.len());
    for column in ["US Gross", "Worldwide Gross", "IMDB Votes"] {
        let sum =
            |rows: &[Value]| -> f64 { rows.iter().filter_map(|it| it[column].as_f64()).sum() };
        assert_eq!(sum(&stored), sum(&rows), "{column}");
    }
    let query =
        movies.query_items::<Value>("SELECT VALUE c.id FROM c WHERE c[\"IMDB Rating\"] > @rating");
    let rated = query.param("@rating", 8).into_iter().map(Result::unwrap).count();
    assert_eq!(
        rated,
        rows.iter().filter(|it| it["IMDB Rating"].as_f64().is_some_and(|it| it > 8.0)).count()
    );
    for number in [1, 1600, rows.len()] {
        let id = number.to_string();
        let mut item: Value = movies.read_item(&id, &id).send().unwrap().item().unwrap();
        item.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_') && name != "id");
        assert_eq!(item, rows[number - 1], "row {number}");
    }
    println!("{} rows are those of the file", stored.len());
}

/// Runs where `COSMOS_TEST_WRITTEN` names databases that the scripts in `tests/interop` filled.
#[test]
fn items_written_by_others_are_read_as_they_were_written() {
    let Ok(databases) = std::env::var("COSMOS_TEST_WRITTEN") else { return };
    let client: CosmosClient = crate::backend::live_client().unwrap();
    for database in databases.split_whitespace() {
        check_orders(&client.database(database).container("orders"));
        println!("{database} holds what was written");
    }
}

fn check_orders(orders: &Container) {
    let query = orders.query_items::<Value>("SELECT * FROM c ORDER BY c.id").max_item_count(5);
    let mut stored: Vec<Value> = query.into_iter().map(Result::unwrap).collect();
    for item in &mut stored {
        item.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_'));
    }
    let written: Vec<Value> = (0..24).map(order).collect();
    assert_eq!(stored, written);

    let read: Value = orders.read_item("order-07", "Zürich").send().unwrap().item().unwrap();
    assert_eq!(read["total"], 17.5);
    let groups = "SELECT c.even, COUNT(1) AS n, SUM(c.total) AS sum FROM c GROUP BY c.even";
    let mut groups: Vec<Value> =
        orders.query_items(groups).into_iter().map(Result::unwrap).collect();
    groups.sort_by_key(|it| it["even"].as_bool());
    let expected = [
        json!({ "even": false, "n": 12, "sum": 360.0 }),
        json!({ "even": true, "n": 12, "sum": 330.0 }),
    ];
    for (group, expected) in groups.iter().zip(&expected) {
        assert_eq!(group["n"], expected["n"]);
        assert_eq!(group["sum"].as_f64(), expected["sum"].as_f64());
    }
    assert_eq!(groups.len(), 2);
}

/// What the scripts write.
fn order(number: usize) -> Value {
    let total = number as f64 * 2.5;
    let total = if total.fract() == 0.0 { json!(total as i64) } else { json!(total) };
    let tags = ["a", "b", "c"].get(..number % 4).unwrap();
    json!({
        "id": format!("order-{number:02}"),
        "city": (["Lyon", "Nice", "Paris", "Zürich"][number % 4]),
        "total": total,
        "tags": tags,
        "even": number.is_multiple_of(2),
        "note": if number.is_multiple_of(5) { json!("é ☃ 𝄞") } else { Value::Null },
    })
}

/// Runs where `COSMOS_TEST_OPERATED` names databases in which the scripts in `tests/interop` patched, batched and so on.
#[test]
fn operations_written_by_others_have_left_what_ours_would() {
    let Ok(databases) = std::env::var("COSMOS_TEST_OPERATED") else { return };
    let client: CosmosClient = crate::backend::live_client().unwrap();
    for database in databases.split_whitespace() {
        let database = client.database(database);
        check_patched_and_batched(&database.container("orders"));
        check_feed(&database.container("feed"));
        check_users(&database.container("users"));
        println!("{} holds what the operations left", database.id());
    }
}

fn check_patched_and_batched(orders: &Container) {
    let asked = [("b2", "Nice"), ("missing", "Nice"), ("patched", "Lyon"), ("b1", "Nice")];
    let read = orders.read_many(asked).send::<Value>().unwrap();
    let [Some(b2), None, Some(patched), Some(b1)] = read.items() else {
        panic!("{:?}", read.items())
    };
    assert_eq!((&b1["n"], &b2["n"]), (&json!(10), &json!(7)));
    assert_eq!(patched["tags"], json!(["a", "b", "c", "d"]));
    assert_eq!((&patched["total"], &patched["target"]), (&json!(2.5), &json!(1)));
    assert_eq!((&patched["source"], &patched["old"]), (&json!({}), &Value::Null));

    let of_key = orders.feed_range_of("Lyon").unwrap();
    let ranges = orders.feed_ranges().unwrap();
    assert_eq!(ranges.iter().filter(|it| of_key.is_subset_of(it)).count(), 1);
}

fn check_feed(feed: &Container) {
    let mut pages = feed.change_feed::<Value>().from_beginning().max_item_count(3).pages();
    let mut ids = Vec::new();
    loop {
        let page = pages.next().unwrap().unwrap();
        if page.items().is_empty() {
            break;
        }
        ids.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    ids.sort();
    let expected: Vec<String> = (0..13).map(|n| format!("c{n:02}")).collect();
    assert_eq!(ids, expected);
}

fn check_users(users: &Container) {
    let tenant = |name: &str| -> Vec<String> {
        let query = users.query_items("SELECT VALUE c.id FROM c ORDER BY c.id");
        query.partition_key(name).into_iter().map(Result::unwrap).collect()
    };
    assert_eq!(tenant("acme"), ["u00", "u03", "u06", "u09", "u12", "u15"]);
    assert_eq!(tenant("initech"), ["u11", "u17"]);
    let user: Value = users.read_item("u04", ("globex", "user-4")).send().unwrap().item().unwrap();
    assert_eq!(user["n"], 40);
}
