//! Queries: parameters, one partition, pages that can be continued elsewhere.

mod common;

use cosmosdb::{ContainerProperties, Query};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("library")?;
    let library = client.database("library");
    library.create_container_if_not_exists(&ContainerProperties::new("books", "/genre"))?;
    let books = library.container("books");
    for (number, genre) in
        ["crime", "poetry", "crime", "essay", "crime", "poetry"].iter().enumerate()
    {
        let book = json!({ "id": number.to_string(), "genre": genre, "year": 1990 + 5 * number });
        books.upsert_item(&book).send()?;
    }

    println!("after 2000, in all partitions:");
    for book in books
        .query_items::<Value>("SELECT c.id, c.year FROM c WHERE c.year > @year")
        .param("@year", 2000)
    {
        println!("  {}", book?);
    }

    println!("crime only, the newest first, from one partition:");
    let crime = books
        .query_items::<u32>("SELECT VALUE c.year FROM c ORDER BY c.year DESC")
        .partition_key("crime");
    for year in crime {
        println!("  {}", year?);
    }

    println!("page by page, each in a query of its own:");
    let mut place = None;
    loop {
        let query = books.query_items::<String>("SELECT VALUE c.id FROM c").max_item_count(2);
        let Some(page) = query.set(place.take(), Query::continue_from).pages().next() else {
            break;
        };
        let page = page?;
        println!("  {:?} for {} RU", page.items(), page.request_charge());
        place = page.continuation().map(str::to_owned);
        if place.is_none() {
            break;
        }
    }
    Ok(())
}
