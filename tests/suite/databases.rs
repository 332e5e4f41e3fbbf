//! Databases: create, read, list, query, delete.

use cosmosdb::{OptionalExt, Throughput};

use crate::backend::Account;

on_every_backend! {
    a_database_can_be_created_read_and_deleted,
    a_database_that_exists_cannot_be_created_again,
    create_if_not_exists_says_which_it_was,
    databases_can_be_listed_and_queried,
    a_database_can_have_throughput,
    the_account_can_be_read,
}

fn a_database_can_be_created_read_and_deleted(account: &Account) {
    let database = account.database();
    let properties = database.read().send().unwrap().properties().unwrap();
    assert_eq!(properties.id, database.id());
    assert!(properties.system.rid.is_some());
    assert_eq!(database.delete().send().unwrap().status(), 204);
    assert!(database.read().send().optional().unwrap().is_none());
    assert!(database.delete().send().unwrap_err().is_not_found());
}

fn a_database_that_exists_cannot_be_created_again(account: &Account) {
    let database = account.database();
    let error = account.client.create_database(database.id()).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

fn create_if_not_exists_says_which_it_was(account: &Account) {
    let database = account.database();
    assert_eq!(account.client.create_database_if_not_exists(database.id()).unwrap().status(), 200);
    database.delete().send().unwrap();
    assert_eq!(account.client.create_database_if_not_exists(database.id()).unwrap().status(), 201);
}

fn databases_can_be_listed_and_queried(account: &Account) {
    let (one, two) = (account.database(), account.database());
    let ids: Vec<String> =
        account.client.databases().into_iter().map(|it| it.unwrap().id).collect();
    assert!(ids.contains(&one.id().to_owned()) && ids.contains(&two.id().to_owned()), "{ids:?}");
    let found: Vec<String> = account
        .client
        .query_databases("SELECT * FROM root r WHERE r.id = @id")
        .param("@id", two.id())
        .into_iter()
        .map(|it| it.unwrap().id)
        .collect();
    assert_eq!(found, [two.id()]);
}

fn a_database_can_have_throughput(account: &Account) {
    let database = account.database();
    database.delete().send().unwrap();
    account
        .client
        .create_database(database.id())
        .throughput(Throughput::manual(400))
        .send()
        .unwrap();
    database.delete().send().unwrap();
    account
        .client
        .create_database(database.id())
        .throughput(Throughput::autoscale(1000))
        .send()
        .unwrap();
}

fn the_account_can_be_read(account: &Account) {
    account.client.connect().unwrap();
    let properties = account.client.account().send().unwrap().properties().unwrap();
    assert!(!properties.writable_locations.is_empty());
    assert!(!properties.readable_locations.is_empty());
    assert!(account.client.known_account().is_some());
}
