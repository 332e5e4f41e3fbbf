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
