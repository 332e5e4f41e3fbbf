//! Items spread over containers by the client.

use cosmosdb::resolver::{HashPartitionResolver, Keys, PartitionResolver, RangePartitionResolver};
use cosmosdb::{ContainerProperties, Database, ErrorKind};
use serde_json::{Value, json};

use super::wire::Seed;

/// A database with containers of these ids.
fn database(seed: &Seed, id: &str, containers: &[&str]) -> Database {
    seed.client.create_database(id).send().unwrap();
    let database = seed.client.database(id);
    for container in containers {
        database.create_container(ContainerProperties::new(*container, "/pk")).send().unwrap();
    }
    database
}

fn ids_in(database: &Database, container: &str) -> Vec<String> {
    let query = database.container(container).query_items("SELECT VALUE c.id FROM c ORDER BY c.id");
    query.into_iter().collect::<cosmosdb::Result<_>>().unwrap()
}

fn ids(database: &Database, keys: impl Into<Keys>) -> Vec<String> {
    let query = database.query_items("SELECT VALUE c.id FROM c", keys);
    query.into_iter().collect::<cosmosdb::Result<_>>().unwrap()
}

#[test]
fn s09_two_databases_have_two_resolvers() {
    let seed = Seed::new();
    let people = database(&seed, "people", &["p0", "p1"]);
    let years = database(&seed, "years", &["old", "new"]);
    people.register_partition_resolver(HashPartitionResolver::new("/name", ["p0", "p1"]).unwrap());
    years.register_partition_resolver(
        RangePartitionResolver::new("/year", [(1900..=1999, "old"), (2000..=2099, "new")]).unwrap(),
    );
    for number in 0..20 {
        let name = format!("n{number}");
        people.create_item(&json!({ "id": name, "pk": 1, "name": name })).send().unwrap();
        let year = 1990 + number;
        years
            .create_item(&json!({ "id": format!("{year}"), "pk": 1, "year": year }))
            .send()
            .unwrap();
    }
    let (p0, p1) = (ids_in(&people, "p0"), ids_in(&people, "p1"));
    assert_eq!(p0.len() + p1.len(), 20);
    assert!(p0.len() > 3 && p1.len() > 3, "{p0:?} {p1:?}");
    assert_eq!(ids_in(&years, "old").len(), 10);
    let resolver = people.partition_resolver().unwrap();
    for name in &p0 {
        assert_eq!(resolver.resolve_for_read(&name.into()).unwrap(), ["p0"]);
    }
    // A handle made anew has the same resolver.
    assert_eq!(
        ids(&seed.client.database("years"), 1995..=2004).len(),
        20,
        "both containers, whole"
    );
    assert_eq!(ids(&years, 2001).len(), 10);
}

#[test]
fn s09_an_upsert_and_its_query_find_the_same_container() {
    let seed = Seed::new();
    let db = database(&seed, "db", &["c0", "c1", "c2"]);
    db.register_partition_resolver(
        HashPartitionResolver::new("/user", ["c0", "c1", "c2"]).unwrap(),
    );
    for n in [1, 2] {
        let status = db.upsert_item(&json!({ "id": "1", "pk": 1, "user": "ana", "n": n })).send();
        assert_eq!(status.unwrap().status(), 202 - n);
    }
    seed.wire.take();
    let query = db.query_items::<Value>("SELECT * FROM c WHERE c.user = @user", "ana");
    let found: Vec<Value> = query.param("@user", "ana").into_iter().map(|it| it.unwrap()).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["n"], 2);
    let asked: std::collections::BTreeSet<String> =
        seed.wire.take().iter().map(|it| it.uri().path().to_owned()).collect();
    let asked: Vec<_> = asked.iter().filter(|it| it.ends_with("/docs")).collect();
    assert_eq!(asked.len(), 1, "one container was asked: {asked:?}");
}

#[test]
fn s09_no_key_asks_all_containers_one_after_the_other() {
    let seed = Seed::new();
    let db = database(&seed, "db", &["a", "b", "c"]);
    let ranges = [(0..=9, "a"), (10..=19, "b"), (20..=29, "c")];
    db.register_partition_resolver(RangePartitionResolver::new("/n", ranges).unwrap());
    for n in (0..30).rev() {
        db.create_item(&json!({ "id": format!("{n:02}"), "pk": n % 4, "n": n })).send().unwrap();
    }
    for keys in [Keys::All, Keys::from(None::<i32>), Keys::from([Some(5), None])] {
        let found = ids(&db, keys);
        assert_eq!(found.len(), 30);
        let of = |id: &String| id.parse::<u32>().unwrap() / 10;
        assert!(found.windows(2).all(|it| of(&it[0]) <= of(&it[1])), "{found:?}");
    }
}

#[test]
fn s09_a_query_over_containers_goes_on_from_any_page() {
    let seed = Seed::new();
    let db = database(&seed, "db", &["a", "b", "c"]);
    let ranges = [(0..=9, "a"), (10..=19, "b"), (20..=29, "c")];
    db.register_partition_resolver(RangePartitionResolver::new("/n", ranges).unwrap());
    // Nothing in b.
    for n in (0..10).chain(20..25) {
        db.create_item(&json!({ "id": format!("{n:02}"), "pk": 1, "n": n })).send().unwrap();
    }
    let query = || {
        let query = db.query_items::<String>("SELECT VALUE c.id FROM c ORDER BY c.id", Keys::All);
        query.max_item_count(3)
    };
    let whole: Vec<String> = query().into_iter().collect::<cosmosdb::Result<_>>().unwrap();
    assert_eq!(whole.len(), 15);
    let mut pieces: Vec<String> = Vec::new();
    let mut place = None;
    loop {
        let mut pages =
            query().set(place.take(), |it, place: String| it.continue_from(place)).pages();
        let page = pages.next().unwrap().unwrap();
        place = page.continuation().map(str::to_owned);
        pieces.extend(page.into_items());
        if place.is_none() {
            break;
        }
    }
    assert_eq!(pieces, whole);
    for junk in ["junk", r#"{"container":"dbs/db/colls/z"}"#] {
        assert!(query().continue_from(junk).pages().next().unwrap().is_err(), "{junk}");
    }
}

#[test]
fn s09_a_resolver_of_the_programs_own_may_name_links() {
    struct ByCountry;
    impl PartitionResolver for ByCountry {
        fn resolve_for_create(&self, item: &Value) -> cosmosdb::Result<String> {
            let country = item["country"].as_str().unwrap_or("none").to_owned();
            Ok(format!("/dbs/{country}/colls/items/"))
        }
        fn resolve_for_read(&self, keys: &Keys) -> cosmosdb::Result<Vec<String>> {
            let ranges = keys.ranges().unwrap_or_default();
            let country = |it: &cosmosdb::PartitionKeyValue| match it {
                cosmosdb::PartitionKeyValue::String(text) => format!("dbs/{text}/colls/items"),
                _ => String::new(),
            };
            Ok(ranges.iter().filter_map(|it| it.value()).map(country).collect())
        }
    }
    let seed = Seed::new();
    let world = database(&seed, "world", &[]);
    for country in ["fr", "jp"] {
        database(&seed, country, &["items"]);
    }
    world.register_partition_resolver(ByCountry);
    for (id, country) in [("1", "fr"), ("2", "jp"), ("3", "jp")] {
        world.create_item(&json!({ "id": id, "pk": 1, "country": country })).send().unwrap();
    }
    assert_eq!(ids_in(&seed.client.database("jp"), "items"), ["2", "3"]);
    assert_eq!(ids(&world, ["jp", "fr"]), ["2", "3", "1"]);
    assert!(ids(&world, Keys::All).is_empty(), "a resolver that names no container has no items");
    assert!(world.query_items::<Value>("SELECT * FROM c", 5).pages().next().unwrap().is_err());
}

#[test]
fn s09_without_a_resolver_or_a_place_nothing_is_sent() {
    let seed = Seed::new();
    let item = json!({ "id": "1", "pk": 1, "year": 1800 });
    let db = database(&seed, "db", &["old"]);
    seed.wire.take();
    let query = |db: &Database| db.query_items::<Value>("SELECT * FROM c", 1800).pages().next();
    let kind = |error: cosmosdb::Error| error.kind();
    let error = db.create_item(&item).send().unwrap_err();
    assert!(error.to_string().contains("register_partition_resolver"), "{error}");
    assert_eq!(kind(query(&db).unwrap().unwrap_err()), ErrorKind::InvalidInput);
    let ranges = [(1900..=1999, "old")];
    db.register_partition_resolver(RangePartitionResolver::new("/year", ranges).unwrap());
    assert_eq!(kind(db.upsert_item(&item).send().unwrap_err()), ErrorKind::InvalidInput);
    assert_eq!(kind(query(&db).unwrap().unwrap_err()), ErrorKind::InvalidInput);
    assert!(seed.wire.take().is_empty());
}

#[test]
fn s25_slashes_at_the_ends_of_a_link_make_no_difference() {
    let seed = Seed::new();
    let db = database(&seed, "db", &["orders"]);
    for (n, link) in ["dbs/db/colls/orders", "/dbs/db/colls/orders", "/dbs/db/colls/orders/"]
        .into_iter()
        .enumerate()
    {
        db.register_partition_resolver(HashPartitionResolver::new("/id", [link]).unwrap());
        seed.wire.take();
        // The emulator refuses a signature over anything but the trimmed link.
        db.create_item(&json!({ "id": n.to_string(), "pk": 1 })).send().unwrap();
        assert_eq!(seed.wire.only().uri().path(), "/dbs/db/colls/orders/docs", "{link}");
    }
}

#[test]
fn s09_a_query_that_cannot_be_continued_says_so_within_each_container() {
    let seed = Seed::partitioned(3);
    let db = database(&seed, "db", &["a", "b"]);
    let ranges = [(0..=9, "a"), (10..=19, "b")];
    db.register_partition_resolver(RangePartitionResolver::new("/n", ranges).unwrap());
    for n in 0..20 {
        let item =
            json!({ "id": n.to_string(), "pk": n, "n": n, "even": n % 2 == 0, "third": n % 3 });
        db.create_item(&item).send().unwrap();
    }
    let text = "SELECT c.even, c.third, COUNT(1) AS k FROM c GROUP BY c.even, c.third";
    let alone = |container: &str| {
        let query = db.container(container).query_items::<Value>(text).max_item_count(2);
        query.pages().map(|it| it.unwrap().into_items().len()).collect::<Vec<_>>()
    };
    let (a, b) = (alone("a"), alone("b"));
    assert!(a.len() > 1, "the query has several pages: {a:?}");
    let pages = db.query_items::<Value>(text, Keys::All).max_item_count(2).pages();
    let pages: Vec<_> = pages.map(Result::unwrap).collect();
    let sizes: Vec<usize> = pages.iter().map(|it| it.items().len()).collect();
    assert_eq!(sizes, [a.as_slice(), b.as_slice()].concat());
    let places: Vec<bool> = pages.iter().map(|it| it.continuation().is_some()).collect();
    let mut expected = vec![false; a.len() + b.len()];
    // Between the containers there is a place to go on from.
    expected[a.len() - 1] = true;
    assert_eq!(places, expected);
}
