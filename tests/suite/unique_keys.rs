//! Unique keys.

use cosmosdb::models::UniqueKeyPolicy;
use cosmosdb::{Container, ContainerProperties, Error, Patch};
use serde_json::{Value, json};

use crate::backend::{Account, Owned};

on_every_backend! {
    a_value_is_unique_within_its_partition_key,
    a_key_of_several_paths_is_unique_as_a_whole,
    a_missing_value_is_a_value_like_null,
    every_write_heeds_the_key,
    a_deleted_or_changed_value_is_free_again,
    the_policy_cannot_be_changed,
    policies_that_are_too_large_are_refused,
}

fn container(account: &Account, policy: UniqueKeyPolicy) -> Owned<Container> {
    account.container_with(ContainerProperties::new("items", "/pk").with_unique_keys(policy))
}

fn by_email(account: &Account) -> Owned<Container> {
    container(account, UniqueKeyPolicy::new().unique(["/email"]))
}

fn create(container: &Container, id: &str, pk: &str, mut item: Value) -> Result<(), Error> {
    item["id"] = json!(id);
    item["pk"] = json!(pk);
    container.create_item(&item).send().map(drop)
}

fn a_value_is_unique_within_its_partition_key(account: &Account) {
    let container = by_email(account);
    create(&container, "1", "a", json!({ "email": "x@y" })).unwrap();
    let error = create(&container, "2", "a", json!({ "email": "x@y" })).unwrap_err();
    assert!(error.is_conflict(), "{error}");
    create(&container, "2", "a", json!({ "email": "X@y" })).unwrap();
    create(&container, "1", "b", json!({ "email": "x@y" })).unwrap();
    create(&container, "3", "a", json!({ "email": 5 })).unwrap();
    create(&container, "4", "a", json!({ "email": "5" })).unwrap();
}

fn a_key_of_several_paths_is_unique_as_a_whole(account: &Account) {
    let policy = UniqueKeyPolicy::new().unique(["/name/first", "/name/last"]).unique(["/nick"]);
    let container = container(account, policy);
    let name = |first: &str, last: &str, nick: &str| json!({ "name": { "first": first, "last": last }, "nick": nick });
    create(&container, "1", "a", name("Ana", "Lee", "al")).unwrap();
    create(&container, "2", "a", name("Ana", "May", "am")).unwrap();
    assert!(create(&container, "3", "a", name("Ana", "Lee", "x")).unwrap_err().is_conflict());
    assert!(create(&container, "3", "a", name("Bea", "Lee", "am")).unwrap_err().is_conflict());
}

fn a_missing_value_is_a_value_like_null(account: &Account) {
    let container = by_email(account);
    create(&container, "1", "a", json!({})).unwrap();
    assert!(create(&container, "2", "a", json!({})).unwrap_err().is_conflict());
    assert!(create(&container, "2", "a", json!({ "email": null })).unwrap_err().is_conflict());
}

fn every_write_heeds_the_key(account: &Account) {
    let container = by_email(account);
    create(&container, "1", "a", json!({ "email": "one" })).unwrap();
    create(&container, "2", "a", json!({ "email": "two" })).unwrap();
    let taken = json!({ "id": "2", "pk": "a", "email": "one" });
    let other = json!({ "id": "3", "pk": "a", "email": "one" });
    let errors = [
        container.replace_item("2", &taken).send().unwrap_err(),
        container.upsert_item(&other).send().unwrap_err(),
        container.patch_item("2", "a", Patch::new().set("/email", "one")).send().unwrap_err(),
        container.batch("a").create(&other).send().unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_conflict(), "{error}");
    }
    let own = json!({ "id": "2", "pk": "a", "email": "two", "changed": true });
    assert!(container.replace_item("2", &own).send().is_ok());
}

fn a_deleted_or_changed_value_is_free_again(account: &Account) {
    let container = by_email(account);
    create(&container, "1", "a", json!({ "email": "one" })).unwrap();
    let changed = json!({ "id": "1", "pk": "a", "email": "two" });
    container.replace_item("1", &changed).send().unwrap();
    create(&container, "2", "a", json!({ "email": "one" })).unwrap();
    container.delete_item("1", "a").send().unwrap();
    create(&container, "3", "a", json!({ "email": "two" })).unwrap();
}

fn the_policy_cannot_be_changed(account: &Account) {
    let container = by_email(account);
    let mut properties = container.read().send().unwrap().properties().unwrap();
    properties.unique_key_policy = Some(UniqueKeyPolicy::new().unique(["/phone"]));
    let error = container.replace(&properties).send().unwrap_err();
    assert!(matches!(error.status().map(|it| it.as_u16()), Some(400 | 403)), "{error}");
}

fn policies_that_are_too_large_are_refused(account: &Account) {
    let database = account.database();
    let keys = (0..11).fold(UniqueKeyPolicy::new(), |policy, n| policy.unique([format!("/{n}")]));
    let paths = UniqueKeyPolicy::new().unique((0..17).map(|it| format!("/{it}")));
    for policy in [keys, paths] {
        let properties = ContainerProperties::new("items", "/pk").with_unique_keys(policy);
        let error = database.create_container(properties).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{error}");
    }
}
