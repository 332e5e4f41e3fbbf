//! Links: everything by name and by `_self`, and however their ends are written.

use cosmosdb::models::{
    PermissionMode, PermissionProperties, StoredProcedureProperties, SystemProperties,
    TriggerOperation, TriggerProperties, TriggerType, UserDefinedFunctionProperties,
    UserProperties,
};
use cosmosdb::{Container, ContainerProperties, CosmosClient, Database, Patch};
use serde_json::{Value, json};

use super::wire::{Seed, header};

/// Ids that are trouble in a path, or in a signature.
const ODD: [&str; 6] = ["a b", "100%", "%2F", "a+b=", "é日🚀", "UPPER"];

fn self_link(system: &SystemProperties) -> String {
    system.self_link.clone().unwrap()
}

fn rid(system: &SystemProperties) -> String {
    system.rid.clone().unwrap()
}

/// The database and the container at their self links, of which the client knows nothing else.
fn by_rid(client: &CosmosClient, items: &Container) -> (Database, Container) {
    let database = items.database().read().send().unwrap().properties().unwrap();
    let container = items.read().send().unwrap().properties().unwrap();
    let database = client.database_at(self_link(&database.system));
    (database, client.container_at(self_link(&container.system)))
}

/// The path of the last request; it has none of these names in it.
fn path_without_names(seed: &Seed) -> String {
    let path = seed.wire.take().pop().unwrap().uri().path().to_owned();
    assert!(
        path.starts_with("/dbs/") && !path.contains("/db/") && !path.contains("/items"),
        "{path}"
    );
    path
}

#[test]
fn s08_databases_containers_and_items_by_their_self_links() {
    let seed = Seed::partitioned(2);
    let items = seed.container("/pk");
    let (database, container) = by_rid(&seed.client, &items);
    // The emulator checks signatures: of such links the resource id alone is signed, in lower case.
    assert_eq!(database.read().send().unwrap().properties().unwrap().id, "db");
    assert_eq!(container.read().send().unwrap().properties().unwrap().id, "items");
    assert_eq!(path_without_names(&seed).split('/').count(), 5);
    assert_eq!(database.containers().into_iter().count(), 1);
    database.create_container(ContainerProperties::new("more", "/pk")).send().unwrap();
    let properties = container.read().send().unwrap().properties().unwrap();
    container.replace(&properties).send().unwrap();
    for id in ODD {
        let item = json!({ "id": id, "pk": id, "n": 0 });
        let made: Value = container.create_item(&item).send().unwrap().item().unwrap();
        let link = made["_self"].as_str().unwrap();
        for call in ["read", "upsert", "replace", "patch", "delete"] {
            let status = match call {
                "read" => container.read_item(link, id).send(),
                "upsert" => container.upsert_item(&item).send(),
                "replace" => container.replace_item(link, &item).send(),
                "patch" => container.patch_item(link, id, Patch::new().incr("/n", 1)).send(),
                _ => container.delete_item(link, id).send(),
            };
            let status = status.unwrap_or_else(|it| panic!("{call} {id:?}: {it}")).status();
            assert_eq!(status.as_u16(), if call == "delete" { 204 } else { 200 }, "{call} {id:?}");
            path_without_names(&seed);
        }
        assert!(items.read_item(id, id).send().unwrap_err().is_not_found());
    }
    container.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    assert_eq!(container.items::<Value>().into_iter().count(), 1);
    assert_eq!(container.query_items::<Value>("SELECT * FROM c").into_iter().count(), 1);
    let mut changes = container.change_feed::<Value>().from_beginning().pages();
    let seen: usize = changes.by_ref().take(2).map(|it| it.unwrap().items().len()).sum();
    assert_eq!(seen, 1);
    container.delete().send().unwrap();
    path_without_names(&seed);
    database.delete().send().unwrap();
    assert!(seed.client.database("db").read().send().unwrap_err().is_not_found());
}

#[test]
fn s08_users_and_permissions_by_their_resource_ids() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let (database, container) = by_rid(&seed.client, &items);
    let link = self_link(&container.read().send().unwrap().properties().unwrap().system);
    for id in ODD {
        let made = database.create_user(id).send().unwrap().properties().unwrap();
        let user = database.user(rid(&made.system));
        assert_eq!(user.read().send().unwrap().properties().unwrap().id, id);
        user.replace(&UserProperties::new(id)).send().unwrap();
        let permission = PermissionProperties::new(id, PermissionMode::All, link.as_str());
        let made = user.create_permission(permission.clone()).send().unwrap().properties().unwrap();
        let handle = user.permission(rid(&made.system));
        assert_eq!(handle.read().send().unwrap().properties().unwrap().id, id);
        path_without_names(&seed);
        handle.replace(&permission).send().unwrap();
        assert_eq!(user.permissions().into_iter().count(), 1);
        handle.delete().send().unwrap();
        user.delete().send().unwrap();
        path_without_names(&seed);
    }
    assert_eq!(database.users().into_iter().count(), 0);
}

#[test]
fn s08_scripts_by_their_resource_ids() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let scripts = by_rid(&seed.client, &items).1.scripts();
    let text = "function () { getContext().getResponse().setBody(1); }";
    for id in ODD {
        let procedure = StoredProcedureProperties::new(id, text);
        let made = scripts.create_stored_procedure(procedure.clone()).send().unwrap();
        let handle = scripts.stored_procedure(rid(&made.properties().unwrap().system));
        assert_eq!(handle.read().send().unwrap().properties().unwrap().id, id);
        handle.replace(&procedure).send().unwrap();
        assert_eq!(handle.execute("a", ()).send().unwrap().item::<u8>().unwrap(), 1);
        path_without_names(&seed);
        handle.delete().send().unwrap();

        let trigger = TriggerProperties::new(id, text, TriggerType::Pre, TriggerOperation::All);
        let made = scripts.create_trigger(trigger.clone()).send().unwrap();
        let handle = scripts.trigger(rid(&made.properties().unwrap().system));
        assert_eq!(handle.read().send().unwrap().properties().unwrap().id, id);
        handle.replace(&trigger).send().unwrap();
        handle.delete().send().unwrap();

        let function = UserDefinedFunctionProperties::new(id, text);
        let made = scripts.create_user_defined_function(function.clone()).send().unwrap();
        let handle = scripts.user_defined_function(rid(&made.properties().unwrap().system));
        assert_eq!(handle.read().send().unwrap().properties().unwrap().id, id);
        handle.replace(&function).send().unwrap();
        handle.delete().send().unwrap();
        path_without_names(&seed);
    }
    assert_eq!(scripts.stored_procedures().into_iter().count(), 0);
}

#[test]
fn s08_offers_by_their_ids_and_self_links() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let offer = items.throughput().read().unwrap().unwrap().properties().unwrap();
    seed.wire.take();
    for link in [offer.id.clone(), self_link(&offer.system)] {
        let read = seed.client.offer(&link).read().send().unwrap();
        assert_eq!(read.properties().unwrap().id, offer.id);
        seed.client.offer(&link).replace(&offer).send().unwrap();
        let path = format!("/offers/{}", offer.id);
        assert_eq!(seed.wire.calls(), [format!("GET {path}"), format!("PUT {path}")]);
    }
}

#[test]
fn s25_slashes_at_the_ends_of_a_link_change_nothing() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    items.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    let (by_rid, _) = by_rid(&seed.client, &items);
    let rids = by_rid.read().send().unwrap().properties().unwrap().system.self_link.unwrap();
    let spellings = |link: &str| [link.to_owned(), format!("/{link}"), format!("/{link}/")];
    for link in [spellings("dbs/db"), spellings(rids.trim_matches('/'))].concat() {
        seed.wire.take();
        let read = seed.client.database_at(link.clone()).read().send().unwrap();
        assert_eq!(read.properties().unwrap().id, "db", "{link}");
        let sent = seed.wire.take().remove(0);
        assert_eq!(sent.uri().path(), format!("/{}", link.trim_matches('/')));
    }
    let mut sent = Vec::new();
    for link in spellings("dbs/db/colls/items") {
        let container = seed.client.container_at(link.clone());
        seed.wire.take();
        container.read_item("1", "a").send().unwrap_or_else(|it| panic!("{link}: {it}"));
        let request = seed.wire.only();
        sent.push((request.uri().to_string(), header(&request, "authorization").to_owned()));
        assert_eq!(container.query_items::<Value>("SELECT * FROM c").into_iter().count(), 1);
    }
    sent.dedup();
    assert_eq!(sent.len(), 1, "one path and one signature: {sent:?}");
}
