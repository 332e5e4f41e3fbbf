//! Clients with resource tokens in place of a key.
//!
//! Permissions are made by requests of the test's own, so that nothing here depends on the client that is tested.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::{
    BulkOperation, Container, CosmosClient, Emulator, EmulatorOperation, ErrorKind, FaultRule,
    Patch, PermissionToken,
};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_token_for_a_container_is_one_for_all_that_is_in_it,
    a_token_to_read_does_not_write,
    each_request_goes_with_the_token_of_its_resource,
    a_token_for_one_partition_key_does_all_that_is_within_it,
    what_names_its_partition_key_goes_without_the_container,
    a_token_for_an_item_reads_and_writes_that_item,
    a_permission_feed_makes_a_client_for_all_its_resources,
}

/// Creates a permission with the account's key, and returns its token, which is valid for so many seconds.
fn permit(emulator: &Emulator, database: &str, permission: &Value, seconds: u64) -> String {
    let post = |path: &str, body: &Value| -> Value {
        let request = http::Request::post(format!("{}{path}", emulator.endpoint()))
            .header("authorization", format!("type=aad&ver=1.0&sig=..{}", emulator.key()))
            .header("x-ms-documentdb-is-upsert", "True")
            .header("x-ms-documentdb-expiry-seconds", seconds)
            .body(serde_json::to_vec(body).unwrap())
            .unwrap();
        let answer = emulator.transport().send(&request, Duration::from_secs(5)).unwrap();
        assert!(answer.status().is_success(), "{}", String::from_utf8_lossy(answer.body()));
        serde_json::from_slice(answer.body()).unwrap()
    };
    post(&format!("dbs/{database}/users"), &json!({ "id": "ana" }));
    let made = post(&format!("dbs/{database}/users/ana/permissions"), permission);
    made["_token"].as_str().unwrap().to_owned()
}

fn permission(id: &str, mode: &str, link: &str, key: Option<&str>) -> Value {
    let mut permission = json!({ "id": id, "permissionMode": mode, "resource": link });
    if let Some(key) = key {
        permission["resourcePartitionKey"] = json!([key]);
    }
    permission
}

fn link_of(container: &Container) -> String {
    format!("dbs/{}/colls/{}", container.database().id(), container.id())
}

/// A container with the items 1 and 2 of each of the keys `a` and `b`.
fn filled(account: &Account) -> crate::backend::Owned<Container> {
    let container = account.container("/pk");
    for (id, key) in [("1", "a"), ("2", "a"), ("1", "b"), ("2", "b")] {
        container.create_item(&json!({ "id": id, "pk": key })).send().unwrap();
    }
    container
}

/// The container, as a client with these tokens sees it. `None` on a live account, where the test makes no permission.
fn with_tokens<const N: usize>(
    account: &Account,
    container: &Container,
    permissions: [Value; N],
) -> Option<Container> {
    let emulator = account.emulator.as_ref()?;
    let database = container.database().id();
    let tokens = permissions.map(|it| {
        let token = permit(emulator, database, &it, 3600);
        let token = PermissionToken::new(it["resource"].as_str().unwrap(), token);
        match it["resourcePartitionKey"][0].as_str() {
            Some(key) => token.partition_key(key),
            None => token,
        }
    });
    let client = account.builder()?.resource_tokens(tokens).build().unwrap();
    Some(client.database(database).container(container.id()))
}

fn ids(query: cosmosdb::Query<Value>) -> Vec<Value> {
    query.into_iter().map(Result::unwrap).collect()
}

const IDS: &str = "SELECT VALUE c.id FROM c";

fn a_token_for_a_container_is_one_for_all_that_is_in_it(account: &Account) {
    let owned = filled(account);
    let Some(emulator) = &account.emulator else { return };
    let link = link_of(&owned);
    let token = permit(emulator, owned.database().id(), &permission("p", "All", &link, None), 3600);
    let client = account.builder().unwrap().resource_token(&token).build().unwrap();
    let items = client.database(owned.database().id()).container(owned.id());

    items.create_item(&json!({ "id": "3", "pk": "c" })).send().unwrap();
    items.upsert_item(&json!({ "id": "3", "pk": "c", "n": 1 })).send().unwrap();
    items.replace_item("3", &json!({ "id": "3", "pk": "c", "n": 2 })).send().unwrap();
    items.patch_item("3", "c", Patch::new().incr("/n", 1)).send().unwrap();
    let item: Value = items.read_item("3", "c").send().unwrap().item().unwrap();
    assert_eq!(item["n"], 3);
    assert_eq!(ids(items.query_items("SELECT VALUE COUNT(1) FROM c")), [5]);
    assert_eq!(items.items::<Value>().into_iter().count(), 5);
    let many = items.read_many([("1", "a"), ("2", "a"), ("1", "b")]).send::<Value>().unwrap();
    assert_eq!(many.items().iter().flatten().count(), 3);
    let bulk = [BulkOperation::create(&json!({ "id": "4", "pk": "d" }))];
    assert!(items.bulk().send(bulk).unwrap().all(|it| it.is_success()));
    items.batch("d").delete("4").send().unwrap();
    assert!(!items.feed_ranges().unwrap().is_empty());
    items.delete_item("3", "c").send().unwrap();
    assert_eq!(items.read().send().unwrap().properties().unwrap().id, owned.id());
    client.connect().unwrap();

    // What is the owner's stays the owner's.
    for error in [
        client.database(owned.database().id()).read().send().unwrap_err(),
        client.create_database("mine").send().unwrap_err(),
        client.database(owned.database().id()).container("other").read().send().unwrap_err(),
    ] {
        assert_eq!(error.status().unwrap(), 403, "{error}");
        assert!(error.is_unauthorized());
        assert_eq!(error.kind(), ErrorKind::Service);
    }
}

fn a_token_to_read_does_not_write(account: &Account) {
    let owned = filled(account);
    let read_only = permission("p", "Read", &link_of(&owned), None);
    let Some(items) = with_tokens(account, &owned, [read_only]) else { return };
    assert_eq!(ids(items.query_items(IDS)).len(), 4);
    items.read_item("1", "a").send().unwrap();
    for error in [
        items.create_item(&json!({ "id": "3", "pk": "c" })).send().unwrap_err(),
        items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap_err(),
        items.delete_item("1", "a").send().unwrap_err(),
        items.patch_item("1", "a", Patch::new().set("/n", 1)).send().unwrap_err(),
        items.delete().send().unwrap_err(),
    ] {
        assert!(error.is_unauthorized() && !error.may_have_been_applied(), "{error}");
        assert_eq!(error.diagnostics().unwrap().attempts().len(), 1, "{error}");
    }
    assert_eq!(ids(owned.query_items(IDS)).len(), 4);
}

fn each_request_goes_with_the_token_of_its_resource(account: &Account) {
    let (owned, other) = (filled(account), filled(account));
    let Some(emulator) = &account.emulator else { return };
    let tokens = [("All", &owned), ("Read", &other)].map(|(mode, container)| {
        let link = link_of(container);
        let permission = permission("p", mode, &link, None);
        (link, permit(emulator, container.database().id(), &permission, 3600))
    });
    let client = account.builder().unwrap().resource_tokens(tokens).build().unwrap();
    let seen = |it: &Container| client.database(it.database().id()).container(it.id());
    let item = json!({ "id": "9", "pk": "a" });
    seen(&owned).create_item(&item).send().unwrap();
    seen(&other).read_item("1", "a").send().unwrap();
    assert_eq!(seen(&other).create_item(&item).send().unwrap_err().status().unwrap(), 403);

    drop(emulator.take_requests());
    let error = client.database("shop").container("orders").read_item("1", "a").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("dbs/shop/colls/orders/docs/1"), "{error}");
    let error = client.databases().into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(emulator.take_requests().is_empty(), "nothing was sent without a token");
}

/// All that can be done within the partition key `a`.
fn use_partition(items: &Container) {
    let item = json!({ "id": "3", "pk": "a" });
    items.create_item(&item).partition_key("a").send().unwrap();
    items.upsert_item(&item).partition_key("a").send().unwrap();
    items.replace_item("3", &item).partition_key("a").send().unwrap();
    items.patch_item("3", "a", Patch::new().set("/n", 1)).send().unwrap();
    items.read_item("3", "a").send().unwrap();
    assert_eq!(ids(items.query_items(IDS).partition_key("a")), ["1", "2", "3"]);
    let gathered = "SELECT c.pk, COUNT(1) AS n FROM c GROUP BY c.pk";
    let gathered = ids(items.query_items(gathered).partition_key("a"));
    assert_eq!(gathered, [json!({ "pk": "a", "n": 3 })]);
    let pages = items.query_items::<Value>(IDS).partition_key("a").max_item_count(2).pages();
    let first = pages.into_iter().next().unwrap().unwrap();
    let place = first.continuation().unwrap();
    let rest = items.query_items(IDS).partition_key("a").max_item_count(2).continue_from(place);
    assert_eq!(ids(rest), ["3"]);
    let mut changes = items.change_feed::<Value>().partition_key("a").from_beginning().pages();
    assert_eq!(changes.next().unwrap().unwrap().items().len(), 3);
    let place = changes.continuation().unwrap();
    let mut later = items.change_feed::<Value>().partition_key("a").continue_from(place).pages();
    assert!(later.next().unwrap().unwrap().items().is_empty());
    items.batch("a").delete("3").create(&item).send().unwrap();
    items.delete_item("3", "a").send().unwrap();
}

fn a_token_for_one_partition_key_does_all_that_is_within_it(account: &Account) {
    let owned = filled(account);
    let link = link_of(&owned);
    let permission = permission("p", "All", &link, Some("a"));
    let Some(items) = with_tokens(account, &owned, [permission]) else { return };
    use_partition(&items);
    // The container's definition can be read, so that the key is taken from the item.
    items.upsert_item(&json!({ "id": "1", "pk": "a", "n": 1 })).send().unwrap();

    let emulator = account.emulator.as_ref().unwrap();
    drop(emulator.take_requests());
    for (error, expected) in [
        (items.read_item("1", "b").send().unwrap_err(), "[\"b\"]"),
        (items.create_item(&json!({ "id": "9", "pk": "b" })).send().unwrap_err(), "[\"b\"]"),
        (items.query_items::<Value>(IDS).into_iter().next().unwrap().unwrap_err(), "name the key"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Credential, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let is_about_items =
        |it: &cosmosdb::RequestRecord| it.operation != EmulatorOperation::ReadPartitionKeyRanges;
    assert!(!emulator.take_requests().iter().any(is_about_items), "nothing else was sent");
}

fn what_names_its_partition_key_goes_without_the_container(account: &Account) {
    let owned = filled(account);
    let permission = permission("p", "All", &link_of(&owned), Some("a"));
    let Some(items) = with_tokens(account, &owned, [permission]) else { return };
    let emulator = account.emulator.as_ref().unwrap();
    for operation in [EmulatorOperation::ReadContainer, EmulatorOperation::ReadPartitionKeyRanges] {
        emulator.fault(FaultRule::status(403, 0).operation(operation));
    }
    drop(emulator.take_requests());
    use_partition(&items);
    let asked = emulator.take_requests();
    let reads = asked.iter().filter(|it| it.operation == EmulatorOperation::ReadContainer).count();
    assert_eq!(reads, 1, "what may not be read is not asked for again and again");

    let error = items.create_item(&json!({ "id": "9", "pk": "a" })).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("partition_key(…)"), "{error}");
}

fn a_token_for_an_item_reads_and_writes_that_item(account: &Account) {
    let owned = filled(account);
    let link = format!("{}/docs/1", link_of(&owned));
    let permission = permission("p", "All", &link, Some("a"));
    let Some(items) = with_tokens(account, &owned, [permission]) else { return };
    items.read_item("1", "a").send().unwrap();
    let item = json!({ "id": "1", "pk": "a", "n": 1 });
    items.replace_item("1", &item).partition_key("a").send().unwrap();
    // The service does not let who has an item read its container.
    let error = items.replace_item("1", &item).send().unwrap_err();
    assert!(error.to_string().contains("partition_key(…)"), "{error}");
    for error in [
        items.read_item("2", "a").send().unwrap_err(),
        items.read_item("1", "b").send().unwrap_err(),
        items.create_item(&item).partition_key("a").send().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Credential, "{error}");
    }
    items.delete_item("1", "a").send().unwrap();
}

fn a_permission_feed_makes_a_client_for_all_its_resources(account: &Account) {
    let owned = filled(account);
    let self_link = owned.read().send().unwrap().properties().unwrap().system.self_link.unwrap();
    let by_key = permission("key", "Read", &link_of(&owned), Some("a"));
    let by_self = permission("self", "All", &self_link, None);
    let Some(items) = with_tokens(account, &owned, [by_key, by_self]) else { return };
    // By names there is a token for one key, by resource ids one for everything.
    items.read_item("1", "a").send().unwrap();
    assert_eq!(items.read_item("1", "b").send().unwrap_err().kind(), ErrorKind::Credential);
    let emulator = account.emulator.as_ref().unwrap();
    let token =
        permit(emulator, owned.database().id(), &permission("self", "All", &self_link, None), 3600);
    let client = account.builder().unwrap().resource_tokens([(self_link.clone(), token)]).build();
    let by_rid = client.unwrap().container_at(self_link);
    by_rid.create_item(&json!({ "id": "9", "pk": "b" })).send().unwrap();
    assert_eq!(ids(by_rid.query_items(IDS)).len(), 5);
}

/// An account in its own time, with a container, and the client of its owner.
fn with_clock() -> (VirtualClock, Emulator, Container) {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let client = emulator.client();
    client.create_database("shop").send().unwrap();
    let shop = client.database("shop");
    shop.create_container(cosmosdb::ContainerProperties::new("orders", "/pk")).send().unwrap();
    let orders = shop.container("orders");
    orders.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    (clock, emulator, orders)
}

fn orders_of(client: &CosmosClient) -> Container {
    client.database("shop").container("orders")
}

const ORDERS: &str = "dbs/shop/colls/orders";

#[test]
fn a_token_that_ran_out_is_an_error_after_one_request() {
    let (clock, emulator, _) = with_clock();
    let token = permit(&emulator, "shop", &permission("p", "All", ORDERS, None), 60);
    let client = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .clock(clock.clone())
        .resource_token(&token)
        .build()
        .unwrap();
    let orders = orders_of(&client);
    orders.read_item("1", "a").send().unwrap();
    clock.advance(Duration::from_secs(61));
    drop(emulator.take_requests());
    let error = orders.read_item("1", "a").send().unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Service, 403));
    assert!(error.is_unauthorized());
    assert!(error.to_string().contains("not valid at the current time"), "{error}");
    assert_eq!(emulator.take_requests().len(), 1);
}

/// A client whose provider asks the account for a token of 100 s each time, and says how long it is valid.
fn provided(
    (clock, emulator): (&VirtualClock, &Emulator),
    valid_for: Option<Duration>,
) -> (CosmosClient, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let (account, counter) = (emulator.clone(), Arc::clone(&count));
    let provider = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        let token = permit(&account, "shop", &permission("p", "All", ORDERS, None), 100);
        let token = PermissionToken::new(ORDERS, token);
        Ok::<_, std::io::Error>([match valid_for {
            Some(time) => token.valid_for(time),
            None => token,
        }])
    };
    let client = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .clock(clock.clone())
        .resource_token_provider(provider)
        .build()
        .unwrap();
    (client, count)
}

#[test]
fn a_provider_is_asked_when_a_token_was_refused() {
    let (clock, emulator, _) = with_clock();
    let (client, count) = provided((&clock, &emulator), None);
    let orders = orders_of(&client);
    assert_eq!(count.load(Ordering::Relaxed), 0, "making a client does nothing");
    for expected in 1..3 {
        for _ in 0..2 {
            orders.read_item("1", "a").send().unwrap();
            assert_eq!(count.load(Ordering::Relaxed), expected);
        }
        clock.advance(Duration::from_secs(101));
    }
    let read = orders.read_item("1", "a").send().unwrap();
    let attempts = read.diagnostics().attempts();
    assert_eq!(attempts.iter().map(|it| it.status).collect::<Vec<_>>(), [Some(403), Some(200)]);
    assert!(attempts[0].retried_because.unwrap().contains("token"));
}

#[test]
fn a_provider_is_asked_before_a_token_runs_out_where_it_says_when() {
    let (clock, emulator, _) = with_clock();
    let (client, count) = provided((&clock, &emulator), Some(Duration::from_secs(100)));
    let orders = orders_of(&client);
    orders.read_item("1", "a").send().unwrap();
    drop(emulator.take_requests());
    for _ in 0..5 {
        clock.advance(Duration::from_secs(91));
        orders.read_item("1", "a").send().unwrap();
    }
    assert_eq!(count.load(Ordering::Relaxed), 6);
    assert!(emulator.take_requests().iter().all(|it| it.status != Some(403)));
}

#[test]
fn what_is_not_permitted_asks_a_provider_at_most_once_in_a_while() {
    let (clock, emulator, _) = with_clock();
    let (client, count) = provided((&clock, &emulator), None);
    let orders = orders_of(&client);
    orders.read_item("1", "a").send().unwrap();
    emulator.fault(FaultRule::status(403, 0).operation(EmulatorOperation::ReadItem));
    for _ in 0..20 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(orders.read_item("1", "a").send().unwrap_err().status().unwrap(), 403);
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn the_error_of_a_provider_is_the_error_of_the_call() {
    let emulator = Emulator::new();
    let client = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .resource_token_provider(|| {
            Err::<[PermissionToken; 0], _>(std::io::Error::other("the broker is away"))
        })
        .build()
        .unwrap();
    let error = orders_of(&client).read_item("1", "a").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the broker is away");
    assert!(emulator.requests().is_empty());
}

/// The account is read with the first token, and its regions are then used.
#[test]
fn regions_are_found_with_a_token_and_gone_without_where_the_account_may_not_be_read() {
    for is_readable in [true, false] {
        let emulator = Emulator::builder().regions(["East US", "West US"]).build().unwrap();
        let owner = emulator.client();
        owner.create_database("shop").send().unwrap();
        let properties = cosmosdb::ContainerProperties::new("orders", "/pk");
        owner.database("shop").create_container(properties).send().unwrap();
        orders_of(&owner).create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
        let token = permit(&emulator, "shop", &permission("p", "All", ORDERS, None), 3600);
        if !is_readable {
            emulator.fault(FaultRule::status(403, 0).operation(EmulatorOperation::ReadAccount));
        }
        let client = CosmosClient::builder(emulator.endpoint())
            .shared_transport(emulator.transport())
            .resource_tokens([(ORDERS, token)])
            .preferred_regions(["West US"])
            .build()
            .unwrap();
        drop(emulator.take_requests());
        for _ in 0..3 {
            orders_of(&client).read_item("1", "a").send().unwrap();
        }
        let requests = emulator.take_requests();
        let (accounts, reads): (Vec<_>, Vec<_>) =
            requests.iter().partition(|it| it.operation == EmulatorOperation::ReadAccount);
        assert_eq!(accounts.len(), 1);
        let region = if is_readable { "West US" } else { "East US" };
        assert!(reads.len() == 3 && reads.iter().all(|it| it.region == region), "{reads:?}");
    }
}

#[test]
fn tokens_are_shown_nowhere() {
    let (clock, emulator, _) = with_clock();
    let token = permit(&emulator, "shop", &permission("p", "Read", ORDERS, None), 60);
    let builder = CosmosClient::builder(emulator.endpoint())
        .shared_transport(emulator.transport())
        .clock(clock.clone())
        .resource_tokens([(ORDERS, token.as_str())]);
    let shown_builder = format!("{builder:?}");
    let client = builder.build().unwrap();
    let orders = orders_of(&client);
    let read = orders.read_item("1", "a").send().unwrap();
    let refused = orders.delete_item("1", "a").send().unwrap_err();
    clock.advance(Duration::from_secs(61));
    let expired = orders.read_item("1", "a").send().unwrap_err();
    let elsewhere = client.database("x").read().send().unwrap_err();
    let operation = orders.read_item("1", "a");
    let shown = format!(
        "{shown_builder} {client:?} {orders:?} {operation:?} {read:?} {:?} {refused} {refused:?} {expired} \
         {expired:?} {elsewhere} {elsewhere:?} {:?}",
        read.diagnostics(),
        emulator.requests()
    );
    let secret = token.split_once("sig=").unwrap().1;
    for part in secret.split(';').filter(|it| !it.is_empty()) {
        assert!(!shown.contains(part) && !shown.contains(part.trim_end_matches('=')), "{shown}");
    }
    assert!(!shown.contains("sig"), "{shown}");
}
