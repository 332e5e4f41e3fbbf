//! One client, many threads.

use cosmosdb::{CosmosClient, Emulator};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! { sixteen_threads_share_one_client }

/// Each thread works on its own items, and all on one counter, so that a lost write shows.
fn sixteen_threads_share_one_client(account: &Account) {
    let container = account.container("/pk");
    mixed_operations(&container, 16, if account.emulator.is_some() { 625 } else { 20 });
}

/// `operations` for each thread: create, read, replace, query and delete in turn.
fn mixed_operations(container: &cosmosdb::Container, threads: usize, operations: usize) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for round in 0..operations / 5 {
                    let id = format!("{thread}-{round}");
                    container
                        .create_item(&json!({ "id": id, "pk": thread, "n": 0 }))
                        .send()
                        .unwrap();
                    let read: Value =
                        container.read_item(&id, thread).send().unwrap().item().unwrap();
                    assert_eq!(read["n"], 0);
                    container
                        .replace_item(&id, &json!({ "id": id, "pk": thread, "n": round }))
                        .send()
                        .unwrap();
                    let query =
                        container.query_items::<u64>("SELECT VALUE c.n FROM c WHERE c.id = @id");
                    let found: Vec<u64> = query
                        .param("@id", &id)
                        .partition_key(thread)
                        .into_iter()
                        .collect::<Result<_, _>>()
                        .unwrap();
                    assert_eq!(found, [round as u64]);
                    if round % 2 == 0 {
                        container.delete_item(&id, thread).send().unwrap();
                    }
                }
            });
        }
    });
    let left = container.items::<Value>().into_iter().map(Result::unwrap).count();
    let rounds = operations / 5;
    assert_eq!(left, threads * (rounds / 2));
}

#[test]
fn connections_are_reused() {
    let emulator = Emulator::new();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let client = CosmosClient::new(server.url(), emulator.key()).unwrap();
    client.create_database("db").send().unwrap();
    client
        .database("db")
        .create_container(cosmosdb::ContainerProperties::new("c", "/pk"))
        .send()
        .unwrap();
    mixed_operations(&client.database("db").container("c"), 16, 50);
    assert!(server.accepted_connections() <= 16, "{}", server.accepted_connections());
}
