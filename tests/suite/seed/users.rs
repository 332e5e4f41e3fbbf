//! Users, their permissions, and clients that live on resource tokens.

use std::time::Duration;

use cosmosdb::models::{PermissionMode, PermissionProperties, UserProperties};
use cosmosdb::{Container, CosmosClient, ErrorKind, PermissionToken, User};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

const ITEMS: &str = "dbs/db/colls/items";

/// A container with an item of each of the keys `a` and `b`, and a user.
fn filled(seed: &Seed) -> (Container, User) {
    let items = seed.container("/pk");
    for key in ["a", "b"] {
        items.create_item(&json!({ "id": "1", "pk": key })).send().unwrap();
    }
    items.database().create_user("ana").send().unwrap();
    let ana = items.database().user("ana");
    seed.wire.take();
    (items, ana)
}

fn grant(user: &User, permission: PermissionProperties) -> PermissionProperties {
    user.create_permission(permission).send().unwrap().properties().unwrap()
}

fn items_of(client: &CosmosClient) -> Container {
    client.database("db").container("items")
}

fn is_refused(error: &cosmosdb::Error) {
    assert_eq!(
        (error.kind(), error.status().unwrap().as_u16()),
        (ErrorKind::Service, 403),
        "{error}"
    );
}

#[test]
fn s01_seed_b_users() {
    let seed = Seed::new();
    seed.client.create_database("db").send().unwrap();
    let db = seed.client.database("db");
    seed.wire.take();
    let created = db.create_user("ana").send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!((created.status().as_u16(), body(&sent)), (201, json!({ "id": "ana" })));
    let ana = db.user("ana");
    assert_eq!(ana.read().send().unwrap().properties().unwrap().id, "ana");
    assert_eq!(seed.wire.calls(), ["GET /dbs/db/users/ana"]);
    assert_eq!(db.upsert_user("bea").send().unwrap().status(), 201);
    assert_eq!(seed.wire.calls(), ["POST /dbs/db/users"]);
    let renamed = ana.replace(&UserProperties::new("anna")).send().unwrap();
    assert_eq!(renamed.properties().unwrap().id, "anna");
    assert_eq!(seed.wire.calls(), ["PUT /dbs/db/users/ana"]);

    let listed: Vec<String> = db.users().into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(listed, ["anna", "bea"]);
    assert_eq!(seed.wire.calls(), ["GET /dbs/db/users"]);
    let query = db.query_users("SELECT * FROM r WHERE r.id = @id").param("@id", "bea");
    assert_eq!(query.into_iter().map(|it| it.unwrap().id).collect::<Vec<_>>(), ["bea"]);
    assert_eq!(seed.wire.calls(), ["POST /dbs/db/users"]);

    assert_eq!(db.user("anna").delete().send().unwrap().status(), 204);
    assert_eq!(seed.wire.calls(), ["DELETE /dbs/db/users/anna"]);
    assert!(db.user("anna").read().send().unwrap_err().is_not_found());
}

#[test]
fn s01_seed_b_permissions() {
    let seed = Seed::new();
    let (_, ana) = filled(&seed);
    let wanted = PermissionProperties::new("p", PermissionMode::Read, ITEMS);
    let wanted = wanted.with_partition_key("a").unwrap();
    let created = ana.create_permission(wanted).send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!(
        (created.status().as_u16(), sent.uri().path()),
        (201, "/dbs/db/users/ana/permissions")
    );
    assert_eq!(
        body(&sent),
        json!({ "id": "p", "permissionMode": "Read", "resource": ITEMS, "resourcePartitionKey": ["a"] })
    );
    let mut stored = created.properties().unwrap();
    assert!(stored.token.as_ref().unwrap().as_str().starts_with("type=resource&ver=1"));

    let permission = ana.permission("p");
    let again = permission.read().token_expiry(Duration::from_secs(600)).send().unwrap();
    assert!(again.properties().unwrap().token.is_some());
    let sent = seed.wire.take().remove(0);
    assert_eq!(header(&sent, "x-ms-documentdb-expiry-seconds"), "600");
    assert_eq!(sent.uri().path(), "/dbs/db/users/ana/permissions/p");

    stored.permission_mode = PermissionMode::All;
    stored.resource_partition_key = None;
    let replaced = permission.replace(&stored).send().unwrap().properties().unwrap();
    assert_eq!(replaced.permission_mode, PermissionMode::All);
    let sent = seed.wire.take().remove(0);
    assert_eq!((sent.method().as_str(), body(&sent).get("_token")), ("PUT", None));
    let other = PermissionProperties::new("q", PermissionMode::Read, "dbs/db/colls/items/docs/1");
    assert_eq!(ana.upsert_permission(other).send().unwrap().status(), 201);

    let ids = |found: Vec<cosmosdb::Result<PermissionProperties>>| -> Vec<String> {
        found.into_iter().map(|it| it.unwrap().id).collect()
    };
    assert_eq!(ids(ana.permissions().into_iter().collect()), ["p", "q"]);
    let query = ana.query_permissions("SELECT * FROM r WHERE r.id = 'q'");
    assert_eq!(ids(query.into_iter().collect()), ["q"]);
    assert_eq!(permission.delete().send().unwrap().status(), 204);
    assert!(permission.read().send().unwrap_err().is_not_found());
}

#[test]
fn seed_b_auth_one_token_is_sent_as_it_came() {
    let seed = Seed::new();
    let (_, ana) = filled(&seed);
    let read_only = grant(&ana, PermissionProperties::new("p", PermissionMode::Read, ITEMS));
    let token = read_only.token.as_ref().unwrap().as_str();
    let client = seed.guest(|it| it.resource_token(token));
    let items = items_of(&client);
    seed.wire.take();
    items.read_item("1", "a").send().unwrap();
    assert!(header(&seed.wire.only(), "authorization").starts_with("type%3Dresource%26ver%3D1"));
    assert_eq!(items.query_items::<Value>("SELECT * FROM c").into_iter().count(), 2);
    is_refused(&items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap_err());
    is_refused(&client.create_database("mine").send().unwrap_err());
}

#[test]
fn seed_b_auth_a_map_of_tokens_gives_each_resource_its_own() {
    let seed = Seed::new();
    let (items, ana) = filled(&seed);
    items
        .database()
        .create_container(cosmosdb::ContainerProperties::new("other", "/pk"))
        .send()
        .unwrap();
    let links = [(ITEMS, PermissionMode::Read), ("dbs/db/colls/other", PermissionMode::All)];
    let tokens = links.map(|(link, mode)| {
        let granted = grant(&ana, PermissionProperties::new(link.replace('/', "-"), mode, link));
        (link, granted.token.unwrap().as_str().to_owned())
    });
    let client = seed.guest(|it| it.resource_tokens(tokens));
    let item = json!({ "id": "9", "pk": "a" });
    items_of(&client).read_item("1", "a").send().unwrap();
    is_refused(&items_of(&client).create_item(&item).send().unwrap_err());
    client.database("db").container("other").create_item(&item).send().unwrap();
    let error = client.database("db").container("third").read_item("1", "a").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential, "{error}");
}

#[test]
fn seed_b_auth_a_permission_feed_makes_a_client_confined_to_partition_keys() {
    let seed = Seed::new();
    let (_, ana) = filled(&seed);
    // The service lets a user have one permission on a resource, so that the other one is another user's.
    let bea = ana.database().user("bea");
    ana.database().create_user("bea").send().unwrap();
    for (user, mode, key) in [(&ana, PermissionMode::Read, "a"), (&bea, PermissionMode::All, "b")] {
        let permission = PermissionProperties::new("p", mode, ITEMS);
        grant(user, permission.with_partition_key(key).unwrap());
    }
    // The feed tells the tokens too.
    let feed = ana.permissions().into_iter().chain(bea.permissions());
    let feed: Vec<PermissionProperties> = feed.collect::<Result<_, _>>().unwrap();
    let client = seed.guest(|it| it.resource_tokens(feed.iter().map(PermissionToken::from)));
    let items = items_of(&client);
    items.read_item("1", "a").send().unwrap();
    is_refused(&items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap_err());
    items.upsert_item(&json!({ "id": "1", "pk": "b", "n": 1 })).send().unwrap();
    let found = items.query_items::<Value>("SELECT * FROM c").partition_key("b");
    assert_eq!(found.into_iter().count(), 1);
    let error = items.read_item("1", "c").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential, "{error}");

    // A token for one key that is used for another is the service's to refuse.
    let only_a = feed[0].token.as_ref().unwrap();
    let items = items_of(&seed.guest(|it| it.resource_token(only_a.as_str())));
    items.read_item("1", "a").send().unwrap();
    is_refused(&items.read_item("1", "b").send().unwrap_err());
}

#[test]
fn seed_b_auth_a_token_runs_out() {
    let seed = Seed::new();
    let (_, ana) = filled(&seed);
    let permission = PermissionProperties::new("p", PermissionMode::All, ITEMS);
    let created = ana.create_permission(permission).token_expiry(Duration::from_secs(30)).send();
    let token = created.unwrap().properties().unwrap().token.unwrap();
    let items = items_of(&seed.guest(|it| it.resource_token(token.as_str())));
    seed.clock.advance(Duration::from_secs(29));
    items.read_item("1", "a").send().unwrap();
    seed.clock.advance(Duration::from_secs(2));
    is_refused(&items.read_item("1", "a").send().unwrap_err());
    let fresh = ana.permission("p").read().send().unwrap().properties().unwrap();
    let client = seed.guest(|it| it.resource_tokens([PermissionToken::from(&fresh)]));
    items_of(&client).read_item("1", "a").send().unwrap();
}
