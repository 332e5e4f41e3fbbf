//! Throughput: offers, manual and autoscale, and what the service refuses.

use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::PerformanceLevel;
use cosmosdb::transport::Mock;
use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Database, Emulator, ErrorKind, Throughput,
};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    throughput_is_what_the_container_was_created_with,
    throughput_can_be_replaced,
    throughput_changes_its_kind_and_back,
    a_database_has_throughput_that_its_containers_share,
    offers_are_found_by_the_resource_id,
    an_offer_is_read_and_replaced_by_id_and_by_link,
    amounts_out_of_bounds_are_refused,
    a_container_made_again_has_its_own_throughput,
    offers_go_with_their_resources,
}

fn orders(database: &Database, throughput: Throughput) -> Container {
    let properties = ContainerProperties::new("orders", "/pk");
    database.create_container(properties).throughput(throughput).send().unwrap();
    database.container("orders")
}

fn now(container: &Container) -> Option<Throughput> {
    container.throughput().read().unwrap().unwrap().properties().unwrap().throughput()
}

fn throughput_is_what_the_container_was_created_with(account: &Account) {
    for throughput in [Throughput::manual(500), Throughput::autoscale(2000)] {
        let database = account.database();
        let orders = orders(&database, throughput);
        let read = orders.throughput().read().unwrap().unwrap();
        let offer = read.properties().unwrap();
        assert_eq!(offer.throughput(), Some(throughput));
        assert_eq!(offer.offer_version.as_deref(), Some("V2"));
        let rid = orders.read().send().unwrap().properties().unwrap().system.rid.unwrap();
        assert_eq!(offer.offer_resource_id, rid);
        assert!(read.minimum_throughput().is_some() && !read.is_throughput_replace_pending());
    }
}

fn throughput_can_be_replaced(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    let replaced = orders.throughput().replace(Throughput::manual(700)).unwrap();
    assert_eq!(replaced.properties().unwrap().throughput(), Some(Throughput::manual(700)));
    assert_eq!(now(&orders), Some(Throughput::manual(700)));
}

fn throughput_changes_its_kind_and_back(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    for throughput in [
        Throughput::autoscale(4000),
        Throughput::manual(600),
        Throughput::autoscale(5000),
        Throughput::autoscale(1000),
        Throughput::manual(1000),
    ] {
        orders.throughput().replace(throughput).unwrap();
        assert_eq!(now(&orders), Some(throughput));
    }
}

fn a_database_has_throughput_that_its_containers_share(account: &Account) {
    let database = account.database();
    assert!(database.throughput().read().unwrap().is_none());
    let error = database.throughput().replace(Throughput::manual(500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");

    let id = format!("{}-shared", database.id());
    account.client.create_database(&*id).throughput(Throughput::manual(400)).send().unwrap();
    let shared = account.client.database(&*id);
    shared.create_container(ContainerProperties::new("orders", "/pk")).send().unwrap();
    assert!(shared.container("orders").throughput().read().unwrap().is_none());
    let replaced = shared.throughput().replace(Throughput::autoscale(4000)).unwrap();
    assert_eq!(replaced.properties().unwrap().throughput(), Some(Throughput::autoscale(4000)));
    shared.delete().send().unwrap();
}

fn offers_are_found_by_the_resource_id(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    let properties = orders.read().send().unwrap().properties().unwrap().system;
    let rid = properties.rid.unwrap();
    let query = "SELECT * FROM r WHERE r.offerResourceId = @rid";
    let found: Vec<_> =
        account.client.query_offers(query).param("@rid", &rid).into_iter().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].as_ref().unwrap().resource, properties.self_link.unwrap());
    let mut listed = account.client.offers().into_iter().map(Result::unwrap);
    assert!(listed.any(|it| it.offer_resource_id == rid));
}

fn an_offer_is_read_and_replaced_by_id_and_by_link(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    let mut offer = orders.throughput().read().unwrap().unwrap().properties().unwrap();
    let link = offer.system.self_link.clone().unwrap();
    for id in [offer.id.as_str(), &link, link.trim_matches('/')] {
        let read = account.client.offer(id).read().send().unwrap();
        assert_eq!(read.properties().unwrap().id, offer.id, "{id}");
    }
    let old = offer.system.etag.clone().unwrap();
    offer.set_throughput(Throughput::manual(500));
    account.client.offer(&link).replace(&offer).if_match(&old).send().unwrap();
    assert_eq!(now(&orders), Some(Throughput::manual(500)));
    let error = account.client.offer(&link).replace(&offer).if_match(&old).send().unwrap_err();
    assert!(error.is_precondition_failed(), "{error}");
    offer.offer_resource_id = "another".into();
    let error = account.client.offer(&link).replace(&offer).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
    for id in ["", "/", "a/b", "a?b"] {
        let error = account.client.offer(id).read().send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id:?}: {error}");
    }
    assert!(account.client.offer("AAAA").read().send().unwrap_err().is_not_found());
}

fn a_container_made_again_has_its_own_throughput(account: &Account) {
    let database = account.database();
    let first = orders(&database, Throughput::manual(800));
    first.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
    assert_eq!(now(&first), Some(Throughput::manual(800)));
    first.delete().send().unwrap();
    orders(&database, Throughput::manual(500));
    assert_eq!(now(&first), Some(Throughput::manual(500)));
    first.upsert_item(&json!({ "id": "1", "pk": "1" })).send().unwrap();
}

fn amounts_out_of_bounds_are_refused(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    for units in [0, 300, 450, 1_100_000] {
        let error = orders.throughput().replace(Throughput::manual(units)).unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{units}: {error}");
    }
    orders.throughput().replace(Throughput::autoscale(4000)).unwrap();
    for units in [0, 900, 1500] {
        let error = orders.throughput().replace(Throughput::autoscale(units)).unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{units}: {error}");
    }
    assert_eq!(now(&orders), Some(Throughput::autoscale(4000)));
}

fn offers_go_with_their_resources(account: &Account) {
    let database = account.database();
    let orders = orders(&database, Throughput::manual(400));
    let offer = orders.throughput().read().unwrap().unwrap().properties().unwrap();
    orders.delete().send().unwrap();
    assert!(account.client.offer(&offer.id).read().send().unwrap_err().is_not_found());
    assert!(orders.throughput().read().unwrap_err().is_not_found());
}

#[test]
fn a_large_change_is_pending_and_bars_others() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let client = emulator.client();
    client.create_database("d").send().unwrap();
    let orders = orders(&client.database("d"), Throughput::manual(400));
    let throughput = orders.throughput();
    let replaced = throughput.replace(Throughput::manual(60_000)).unwrap();
    assert!(replaced.is_throughput_replace_pending());
    assert_eq!(orders.feed_ranges().unwrap().len(), 10);
    let error = throughput.replace(Throughput::manual(50_000)).unwrap_err();
    assert_eq!(error.status().unwrap(), 423, "{error}");

    clock.advance(Duration::from_secs(1));
    let read = throughput.read().unwrap().unwrap();
    assert!(!read.is_throughput_replace_pending());
    assert_eq!(read.minimum_throughput(), Some(600), "a hundredth of the highest ever");
    throughput.replace(Throughput::manual(600)).unwrap();
    let error = throughput.replace(Throughput::manual(500)).unwrap_err();
    assert!(error.to_string().contains("between 600 and"), "{error}");
}

#[test]
fn offers_of_the_past_are_created_and_read() {
    let client = Emulator::new().client();
    client.create_database("d").send().unwrap();
    let database = client.database("d");
    for (level, units) in
        [(PerformanceLevel::S1, 250), (PerformanceLevel::S2, 1000), (PerformanceLevel::S3, 2500)]
    {
        let properties = ContainerProperties::new(level.as_str(), "/pk");
        database.create_container(properties).performance_level(&level).send().unwrap();
        let container = database.container(level.as_str());
        let offer = container.throughput().read().unwrap().unwrap().properties().unwrap();
        assert_eq!(offer.offer_version.as_deref(), Some("V1"));
        assert_eq!(offer.throughput(), Some(Throughput::manual(units)));
        assert_eq!(offer.offer_type, Some(level));
        container.throughput().replace(Throughput::manual(3000)).unwrap();
        let offer = container.throughput().read().unwrap().unwrap().properties().unwrap();
        assert_eq!(offer.offer_version.as_deref(), Some("V2"));
    }
    let properties = ContainerProperties::new("minutes", "/pk");
    let create = database.create_container(properties).throughput(Throughput::manual(400));
    create.ru_per_minute(true).send().unwrap();
    let throughput = database.container("minutes").throughput();
    let offer = throughput.read().unwrap().unwrap().properties().unwrap();
    assert_eq!(offer.content.unwrap().is_ru_per_minute_enabled, Some(true));
    let other = PerformanceLevel::Other("S9".into());
    let properties = ContainerProperties::new("other", "/pk");
    let error = database.create_container(properties).performance_level(&other).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
}

#[test]
fn a_change_of_kind_says_so_in_a_header_and_then_gives_the_amount() {
    let mock = Mock::new();
    let offer = |content: Value| json!({ "id": "Hu+t", "resource": "dbs/d/", "offerResourceId": "r", "content": content });
    let settings = json!({ "maxThroughput": 4000 });
    let scaling = json!({ "offerThroughput": 400, "offerAutopilotSettings": settings });
    mock.respond_json(200, &json!({ "id": "d", "_rid": "r" }));
    let found = offer(json!({ "offerThroughput": 400, "later": 1 }));
    mock.respond_json(200, &json!({ "_rid": "", "Offers": [found], "_count": 1 }));
    mock.respond_json(200, &offer(scaling)).respond_json(200, &offer(json!({})));
    let client =
        CosmosClient::builder("http://localhost/").key("c2VjcmV0").transport(mock.clone()).build();
    client.unwrap().database("d").throughput().replace(Throughput::autoscale(6000)).unwrap();

    let requests = mock.requests();
    let body = |index: usize| serde_json::from_slice::<Value>(requests[index].body()).unwrap();
    assert_eq!(body(1)["parameters"][0]["value"], "r");
    assert_eq!(requests[2].headers()["x-ms-cosmos-migrate-offer-to-autopilot"], "true");
    assert_eq!(body(2)["content"], json!({ "offerThroughput": -1, "later": 1 }));
    assert_eq!(requests[3].uri().path(), "/offers/Hu+t");
    assert!(!requests[3].headers().contains_key("x-ms-cosmos-migrate-offer-to-autopilot"));
    assert_eq!(body(3)["content"]["offerAutopilotSettings"]["maxThroughput"], 6000);
}
