//! Transactional batches: several operations on one partition key, all or none. And many items read at once.

mod common;

use cosmosdb::{BatchOperation, Container, ContainerProperties, Etag, Patch};
use serde_json::{Value, json};

fn main() -> cosmosdb::Result<()> {
    let client = common::client()?;
    client.create_database_if_not_exists("bank")?;
    let bank = client.database("bank");
    bank.create_container_if_not_exists(&ContainerProperties::new("accounts", "/branch"))?;
    let accounts = bank.container("accounts");
    accounts.delete_all_items("Lyon").send()?;

    let opened = accounts
        .batch("Lyon")
        .create(&json!({ "id": "ana", "branch": "Lyon", "balance": 100 }))
        .create(&json!({ "id": "ben", "branch": "Lyon", "balance": 20 }))
        .send()?;
    println!("opened two accounts for {} RU", opened.request_charge());

    transfer(&accounts, "ana", "ben", 70)?;
    match transfer(&accounts, "ana", "ben", 70) {
        Err(error) if error.is_precondition_failed() => {
            println!("a second transfer is refused: {error}");
            for (index, result) in error.batch_results().unwrap_or_default().iter().enumerate() {
                println!("  operation {index}: {}", result.status());
            }
        }
        other => println!("unexpected: {other:?}"),
    }

    // Options belong to a single operation: here, the version that it may replace.
    let stale = BatchOperation::delete("ben").if_match(Etag::from("\"an older version\""));
    if let Err(error) = accounts.batch("Lyon").read("ana").operation(stale).send() {
        println!("a delete of an older version is refused: {error}");
    }

    let wanted = ["ana", "ben", "cleo"].map(|id| (id, "Lyon"));
    let found = accounts.read_many(wanted).send::<Value>()?;
    for ((id, _), account) in wanted.iter().zip(found.items()) {
        match account {
            Some(account) => println!("{id} has {}", account["balance"]),
            None => println!("{id} has no account"),
        }
    }
    Ok(())
}

/// Takes from one and gives to the other, and writes it down: all three or nothing.
fn transfer(accounts: &Container, from: &str, to: &str, amount: i64) -> cosmosdb::Result<()> {
    let take = Patch::new()
        .incr("/balance", -amount)
        .condition(format!("FROM c WHERE c.balance >= {amount}"));
    let entry =
        json!({ "id": format!("{from}-{to}-{amount}"), "branch": "Lyon", "amount": amount });
    let response = accounts
        .batch("Lyon")
        .patch(from, take)
        .patch(to, Patch::new().incr("/balance", amount))
        .upsert(&entry)
        .send()?;
    let left: Value = response.results()[0].item()?;
    println!("{from} gave {amount} to {to} and has {} left", left["balance"]);
    Ok(())
}
