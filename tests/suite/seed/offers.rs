//! Offers: what a container or database may use in a second.

use std::time::Duration;

use cosmosdb::models::{OfferProperties, PerformanceLevel};
use cosmosdb::{Container, ContainerProperties, Throughput};
use serde_json::json;

use super::wire::{Seed, body, header};

/// A container of this throughput in the database `db`.
fn orders(seed: &Seed, throughput: Throughput) -> Container {
    seed.client.create_database_if_not_exists("db").unwrap();
    let database = seed.client.database("db");
    let properties = ContainerProperties::new("orders", "/pk");
    database.create_container(properties).throughput(throughput).send().unwrap();
    seed.wire.take();
    database.container("orders")
}

fn offer_of(container: &Container) -> OfferProperties {
    container.throughput().read().unwrap().unwrap().properties().unwrap()
}

#[test]
fn s01_seed_b_offers_are_read_listed_queried_and_replaced() {
    let seed = Seed::new();
    let orders = orders(&seed, Throughput::manual(500));
    let rid = orders.read().send().unwrap().properties().unwrap().system.rid.unwrap();
    seed.wire.take();

    let listed: Vec<OfferProperties> =
        seed.client.offers().into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(seed.wire.calls().last().unwrap(), "GET /offers");
    let query = seed.client.query_offers("SELECT * FROM r WHERE r.offerResourceId = @rid");
    let found: Vec<OfferProperties> =
        query.param("@rid", &rid).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(found[0].id, listed[0].id);
    assert_eq!(seed.wire.calls().last().unwrap(), "POST /offers");

    let handle = seed.client.offer(&found[0].id);
    let read = handle.read().send().unwrap();
    assert_eq!(seed.wire.calls(), [format!("GET /offers/{}", found[0].id)]);
    let mut offer = read.properties().unwrap();
    assert_eq!(offer.throughput(), Some(Throughput::manual(500)));
    offer.set_throughput(Throughput::manual(700));
    let replaced = handle.replace(&offer).send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!((sent.method().as_str(), replaced.status().as_u16()), ("PUT", 200));
    assert_eq!(body(&sent)["content"]["offerThroughput"], 700);
    assert_eq!(offer_of(&orders).throughput(), Some(Throughput::manual(700)));
}

#[test]
fn s10b_the_offer_of_a_container_is_there_after_create_and_can_be_replaced() {
    let seed = Seed::new();
    for throughput in [Throughput::manual(2500), Throughput::autoscale(4000)] {
        let orders = orders(&seed, throughput);
        let offer = offer_of(&orders);
        assert_eq!(offer.throughput(), Some(throughput));
        assert_eq!(offer.offer_version.as_deref(), Some("V2"));
        let stored = orders.read().send().unwrap().properties().unwrap().system;
        assert_eq!(offer.offer_resource_id, stored.rid.unwrap());
        assert_eq!(offer.resource, stored.self_link.unwrap());
        for next in [Throughput::autoscale(6000), Throughput::manual(800)] {
            orders.throughput().replace(next).unwrap();
            assert_eq!(offer_of(&orders).throughput(), Some(next));
        }
        orders.delete().send().unwrap();
    }
}

#[test]
fn s10b_the_levels_of_the_past_are_a_header_and_an_offer_of_version_1() {
    let seed = Seed::new();
    seed.client.create_database("db").send().unwrap();
    let database = seed.client.database("db");
    for (level, units) in
        [(PerformanceLevel::S1, 250), (PerformanceLevel::S2, 1000), (PerformanceLevel::S3, 2500)]
    {
        seed.wire.take();
        let properties = ContainerProperties::new(level.as_str(), "/pk");
        database.create_container(properties).performance_level(&level).send().unwrap();
        let sent = seed.wire.take().pop().unwrap();
        assert_eq!(header(&sent, "x-ms-offer-type"), level.as_str());
        assert_eq!(header(&sent, "x-ms-offer-throughput"), "");
        let offer = offer_of(&database.container(level.as_str()));
        assert_eq!(offer.offer_version.as_deref(), Some("V1"));
        assert_eq!(offer.throughput(), Some(Throughput::manual(units)));
        assert_eq!(offer.offer_type, Some(level));
    }
}

#[test]
fn s10b_an_offer_tells_its_minimum_and_whether_a_change_is_under_way() {
    let seed = Seed::new();
    let orders = orders(&seed, Throughput::manual(400));
    let throughput = orders.throughput();
    let read = throughput.read().unwrap().unwrap();
    assert_eq!(read.minimum_throughput(), Some(400));
    assert!(!read.is_throughput_replace_pending());
    let replaced = throughput.replace(Throughput::manual(60_000)).unwrap();
    assert!(replaced.is_throughput_replace_pending());
    let error = throughput.replace(Throughput::manual(50_000)).unwrap_err();
    assert_eq!(error.status().unwrap(), 423, "{error}");
    seed.clock.advance(Duration::from_secs(1));
    let read = throughput.read().unwrap().unwrap();
    assert!(!read.is_throughput_replace_pending());
    assert_eq!(read.minimum_throughput(), Some(600));
}

#[test]
fn s23_the_budget_for_each_minute_is_asked_for_declined_and_told() {
    let seed = Seed::new();
    seed.client.create_database("db").send().unwrap();
    let database = seed.client.database("db");
    for (on, word) in [(true, "True"), (false, "False")] {
        seed.wire.take();
        let properties = ContainerProperties::new(word, "/pk");
        let create = database.create_container(properties).throughput(Throughput::manual(400));
        create.ru_per_minute(on).send().unwrap();
        let sent = seed.wire.take().pop().unwrap();
        assert_eq!(header(&sent, "x-ms-offer-is-ru-per-minute-throughput-enabled"), word);
        let offer = offer_of(&database.container(word));
        assert_eq!(offer.content.unwrap().is_ru_per_minute_enabled, Some(on));
    }

    let items = database.container("True");
    items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    seed.wire.take();
    let read = items.read_item("1", "a").disable_ru_per_minute_usage(true).send().unwrap();
    let declined = "x-ms-documentdb-disable-ru-per-minute-usage";
    assert_eq!(header(&seed.wire.only(), declined), "True");
    assert!(!read.is_ru_per_minute_used());
}

#[test]
fn s23_an_answer_says_that_the_budget_for_each_minute_was_used() {
    for (word, expected) in [("true", true), ("True", true), ("false", false)] {
        let mock = cosmosdb::transport::Mock::new();
        let mut answer = cosmosdb::transport::Response::new(br#"{"id":"1"}"#.to_vec());
        answer.headers_mut().insert("x-ms-documentdb-is-ru-per-minute-used", word.parse().unwrap());
        mock.respond_with(answer);
        let builder = cosmosdb::CosmosClient::builder("http://localhost/").key("c2VjcmV0");
        let client = builder.transport(mock).build().unwrap();
        let read = client.database("db").container("c").read_item("1", "a").send().unwrap();
        assert_eq!(read.is_ru_per_minute_used(), expected, "{word}");
    }
}
