//! Users and their permissions.

use std::time::Duration;

use cosmosdb::models::{PermissionMode, PermissionProperties, UserProperties};
use cosmosdb::transport::Mock;
use cosmosdb::{CosmosClient, ErrorKind, User};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_user_goes_through_its_life,
    an_upsert_creates_and_then_replaces,
    users_are_listed_in_pages_and_queried,
    a_permission_goes_through_its_life,
    permissions_are_listed_and_queried,
    a_user_has_one_permission_on_a_resource,
    versions_are_heeded,
    a_user_goes_with_all_permissions,
    a_permission_is_for_one_partition_key_where_it_says_so,
    ids_and_expiry_are_checked_before_anything_is_sent,
}

fn on(id: &str, resource: &str) -> PermissionProperties {
    PermissionProperties::new(id, PermissionMode::Read, resource)
}

/// A user of a database with a container `orders`.
fn user(account: &Account) -> (User, String) {
    let container = account.container("/pk");
    container.database().create_user("ana").send().unwrap();
    (container.database().user("ana"), container.link_by_names())
}

fn a_user_goes_through_its_life(account: &Account) {
    let database = account.database();
    let created = database.create_user("ana").send().unwrap();
    assert_eq!(created.status(), 201);
    let stored = created.properties().unwrap();
    assert_eq!(stored.other["_permissions"], "permissions/");
    assert!(database.create_user("ana").send().unwrap_err().is_conflict());
    let ana = database.user("ana");
    assert_eq!(ana.read().send().unwrap().properties().unwrap(), stored);
    let renamed = ana.replace(&UserProperties::new("anna")).send().unwrap();
    assert_eq!(renamed.properties().unwrap().system.rid, stored.system.rid);
    assert!(ana.read().send().unwrap_err().is_not_found());
    assert_eq!(database.user("anna").delete().send().unwrap().status(), 204);
    assert!(database.user("anna").delete().send().unwrap_err().is_not_found());
}

fn an_upsert_creates_and_then_replaces(account: &Account) {
    let (ana, link) = user(account);
    assert_eq!(ana.database().upsert_user("bea").send().unwrap().status(), 201);
    assert_eq!(ana.database().upsert_user("bea").send().unwrap().status(), 200);
    let mut permission = on("p", &link);
    assert_eq!(ana.upsert_permission(permission.clone()).send().unwrap().status(), 201);
    permission.permission_mode = PermissionMode::All;
    let replaced = ana.upsert_permission(permission).send().unwrap();
    assert_eq!(replaced.status(), 200);
    assert_eq!(replaced.properties().unwrap().permission_mode, PermissionMode::All);
}

fn users_are_listed_in_pages_and_queried(account: &Account) {
    let database = account.database();
    for id in ["ana", "bea", "cai"] {
        database.create_user(id).send().unwrap();
    }
    let pages: Vec<_> = database.users().max_item_count(2).pages().map(Result::unwrap).collect();
    let sizes: Vec<usize> = pages.iter().map(|it| it.items().len()).collect();
    assert_eq!(sizes, [2, 1]);
    let query = database.query_users("SELECT * FROM r WHERE r.id != @id").param("@id", "bea");
    let found: Vec<String> = query.into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(found, ["ana", "cai"]);
}

fn a_permission_goes_through_its_life(account: &Account) {
    let (ana, link) = user(account);
    let created = ana.create_permission(on("reads", &link)).send().unwrap();
    assert_eq!(created.status(), 201);
    let permission = ana.permission("reads");
    let mut properties = permission.read().send().unwrap().properties().unwrap();
    assert_eq!(
        (properties.resource.as_str(), &properties.permission_mode),
        (&*link, &PermissionMode::Read)
    );
    properties.permission_mode = PermissionMode::All;
    let replaced = permission.replace(&properties).send().unwrap();
    assert_eq!(replaced.status(), 200);
    assert_eq!(replaced.properties().unwrap().permission_mode, PermissionMode::All);
    assert_eq!(permission.delete().send().unwrap().status(), 204);
    assert!(permission.read().send().unwrap_err().is_not_found());
}

fn permissions_are_listed_and_queried(account: &Account) {
    let (ana, link) = user(account);
    for id in ["1", "2", "3"] {
        ana.create_permission(on(id, &format!("{link}/docs/{id}"))).send().unwrap();
    }
    assert_eq!(ana.permissions().max_item_count(2).pages().count(), 2);
    let query = ana.query_permissions("SELECT * FROM r WHERE r.id > @id").param("@id", "1");
    let found: Vec<String> = query.into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(found, ["2", "3"]);
}

fn a_user_has_one_permission_on_a_resource(account: &Account) {
    let (ana, link) = user(account);
    ana.create_permission(on("first", &link)).send().unwrap();
    assert!(ana.create_permission(on("second", &link)).send().unwrap_err().is_conflict());
    let item = format!("{link}/docs/1");
    assert!(ana.create_permission(on("first", &item)).send().unwrap_err().is_conflict());
    ana.create_permission(on("second", &item)).send().unwrap();
    let error = ana.permission("second").replace(&on("second", &link)).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

fn versions_are_heeded(account: &Account) {
    let (ana, link) = user(account);
    let old = ana.read().send().unwrap().etag().unwrap();
    ana.replace(&UserProperties::new("ana")).if_match(&old).send().unwrap();
    let permission = ana.permission("p");
    let first = ana.create_permission(on("p", &link)).send().unwrap().etag().unwrap();
    permission.replace(&on("p", &link)).if_match(&first).send().unwrap();
    let late = [
        ana.replace(&UserProperties::new("bea")).if_match(&old).send().unwrap_err(),
        ana.delete().if_match(&old).send().unwrap_err(),
        permission.replace(&on("p", &link)).if_match(&first).send().unwrap_err(),
        ana.upsert_permission(on("p", &link)).if_match(&first).send().unwrap_err(),
        permission.delete().if_match(&first).send().unwrap_err(),
    ];
    for error in late {
        assert!(error.is_precondition_failed(), "{error}");
    }
}

fn a_user_goes_with_all_permissions(account: &Account) {
    let (ana, link) = user(account);
    ana.create_permission(on("p", &link)).send().unwrap();
    ana.delete().send().unwrap();
    assert!(ana.permission("p").read().send().unwrap_err().is_not_found());
    ana.database().create_user("ana").send().unwrap();
    assert_eq!(ana.permissions().into_iter().count(), 0);
}

fn a_permission_is_for_one_partition_key_where_it_says_so(account: &Account) {
    let (ana, link) = user(account);
    let permission = on("é", &link).with_partition_key("Lyon é").unwrap();
    ana.create_permission(permission).send().unwrap();
    let stored = ana.permission("é").read().send().unwrap().properties().unwrap();
    assert_eq!(stored.resource_partition_key, Some(vec![json!("Lyon é")]));
}

fn ids_and_expiry_are_checked_before_anything_is_sent(account: &Account) {
    let (ana, link) = user(account);
    let sent = || account.emulator.as_ref().map(|it| it.requests().len());
    let before = sent();
    let database = ana.database();
    let mut errors = Vec::new();
    for id in ["", "a/b", "a\\b", "a?b", "a#b", "a "] {
        errors.push(database.create_user(id).send().unwrap_err());
        errors.push(database.upsert_user(id).send().unwrap_err());
        errors.push(ana.replace(&UserProperties::new(id)).send().unwrap_err());
        errors.push(database.user(id).read().send().unwrap_err());
        errors.push(ana.create_permission(on(id, &link)).send().unwrap_err());
        errors.push(ana.permission("p").replace(&on(id, &link)).send().unwrap_err());
        errors.push(ana.permission(id).delete().send().unwrap_err());
        errors.push(database.user(id).permission("p").read().send().unwrap_err());
    }
    for seconds in [0, 9, 86_401] {
        let time = Duration::from_secs(seconds);
        errors.push(ana.create_permission(on("p", &link)).token_expiry(time).send().unwrap_err());
        errors.push(ana.permission("p").read().token_expiry(time).send().unwrap_err());
    }
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(sent(), before);
}

#[test]
fn a_token_is_read_and_shown_nowhere() {
    let mock = Mock::new();
    let permission = json!({
        "id": "p", "permissionMode": "Read", "resource": "dbs/d/colls/c", "_token": "type=resource&sig=hush",
    });
    mock.respond_json(200, &permission);
    mock.respond_json(200, &json!({ "_rid": "", "Permissions": [permission], "_count": 1 }));
    mock.respond_json(200, &permission);
    let client =
        CosmosClient::builder("http://localhost/").key("c2VjcmV0").transport(mock.clone()).build();
    let ana = client.unwrap().database("d").user("ana");

    let answer = ana.permission("p").read().token_expiry(Duration::from_secs(10)).send().unwrap();
    let properties = answer.properties().unwrap();
    assert_eq!(properties.token.as_ref().unwrap().as_str(), "type=resource&sig=hush");
    let page = ana.permissions().pages().next().unwrap().unwrap();
    assert!(page.items()[0].token.is_some());
    for shown in [format!("{answer:?}"), format!("{properties:?}"), format!("{page:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
    }

    ana.permission("p").replace(&properties).send().unwrap();
    let requests = mock.requests();
    assert_eq!(requests[0].headers()["x-ms-documentdb-expiry-seconds"], "10");
    assert_eq!(requests[0].uri().path(), "/dbs/d/users/ana/permissions/p");
    let body: Value = serde_json::from_slice(requests[2].body()).unwrap();
    assert_eq!(body.get("_token"), None, "a token is not sent back");
}
