//! What the `import` example loaded into a server of others, compared with the file that it came from.

use cosmosdb::CosmosClient;
use serde_json::Value;

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
