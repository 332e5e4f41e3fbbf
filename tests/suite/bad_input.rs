//! What is refused before anything is sent, and how the message puts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cosmosdb::transport::{Request, Response, TransportError};
use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Error, ErrorKind, PartitionKey, PriorityLevel,
};
use serde_json::json;

/// A client that counts what it sends.
fn counting() -> (CosmosClient, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let transport = move |_: &Request| -> Result<Response, TransportError> {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(http::Response::new(Vec::new()))
    };
    let client = CosmosClient::builder("https://localhost:1/")
        .key("c2VjcmV0")
        .transport(transport)
        .build()
        .unwrap();
    (client, count)
}

fn refused<T: std::fmt::Debug>(what: &str, outcome: Result<T, Error>, words: &[&str]) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}: {error:?}");
    for word in words {
        assert!(error.to_string().contains(word), "{what}: {error} lacks {word:?}");
    }
}

#[test]
fn illegal_ids_are_refused_before_any_request() {
    let (client, count) = counting();
    let container = client.database("db").container("c");
    for id in ["", "a/b", "a\\b", "a?b", "a#b", "a ", "a\tb", "a\r\nb"] {
        refused(id, client.create_database(id).send(), &["database id"]);
        refused(id, client.database(id).read().send(), &["database id"]);
        refused(
            id,
            client.database("db").create_container(ContainerProperties::new(id, "/pk")).send(),
            &["container id"],
        );
        refused(id, client.database("db").container(id).read().send(), &["container id"]);
        refused(id, container.create_item(&json!({ "id": id })).send(), &["item id"]);
        refused(id, container.read_item(id, "k").send(), &["item id"]);
        refused(id, container.delete_item(id, "k").send(), &["item id"]);
        let mut query =
            client.database(id).container("c").query_items::<u8>("SELECT 1").into_iter();
        refused(id, query.next().unwrap(), &["database id"]);
        assert!(query.next().is_none(), "an iterator ends after its error");
    }
    refused("long", client.create_database("x".repeat(256)).send(), &["255"]);
    refused("long", container.read_item(&"x".repeat(1024), "k").send(), &["1023"]);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn bad_items_are_refused_before_any_request() {
    let (client, count) = counting();
    let container = client.database("db").container("c");
    refused("no id", container.create_item(&json!({ "pk": 1 })).send(), &["id"]);
    refused("id is a number", container.upsert_item(&json!({ "id": 1 })).send(), &["id", "text"]);
    refused(
        "other id",
        container.replace_item("1", &json!({ "id": "2" })).send(),
        &["\"1\"", "\"2\""],
    );
    let large = json!({ "id": "1", "text": "x".repeat(2 * 1024 * 1024) });
    refused("too large", container.create_item(&large).send(), &["2097152"]);
    refused("infinite key", container.read_item("1", f64::INFINITY).send(), &["finite"]);
    refused("long key", container.read_item("1", "x".repeat(2049)).send(), &["2048"]);
    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(container.create_item(&unwritable).send().unwrap_err().kind(), ErrorKind::Json);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn bad_options_are_refused_before_any_request() {
    let (client, count) = counting();
    let container: Container = client.database("db").container("c");
    refused("bucket", container.read_item("1", 1).throughput_bucket(6).send(), &["1 to 5"]);
    refused("header", container.read_item("1", 1).header("a b", "x").send(), &["a b"]);
    refused("header", container.read_item("1", 1).header("x-a", "line\nbreak").send(), &["x-a"]);
    refused("page size", container.items::<u8>().max_item_count(0).pages().next().unwrap(), &["0"]);
    refused(
        "page size",
        container.query_items::<u8>("x").max_item_count(-2).pages().next().unwrap(),
        &["-2"],
    );
    refused(
        "parameter",
        container.query_items::<u8>("x").param("p", 1).pages().next().unwrap(),
        &["\"p\"", "@"],
    );
    refused(
        "parameter",
        container.query_items::<u8>("x").param("@1", 1).pages().next().unwrap(),
        &["\"@1\""],
    );
    let first_counts =
        container.read_item("1", 1).throughput_bucket(0).priority(PriorityLevel::Low).send();
    refused("bucket", first_counts, &["bucket 0"]);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn malformed_endpoints_say_what_is_wrong() {
    for (endpoint, word) in [
        ("", "URL"),
        ("account", "scheme"),
        ("ftp://host/", "https"),
        ("https://", "URL"),
        ("https://user:word@host/", "user name"),
        ("http://account.documents.azure.com/", "danger_allow_plain_http"),
        ("https://host:port/", "port"),
        ("https://host:99999/", "port"),
    ] {
        let outcome = CosmosClient::new(endpoint, "c2VjcmV0");
        refused(endpoint, outcome, &[word]);
    }
    for endpoint in
        ["http://localhost:8081", "http://127.0.0.1:8081/", "http://[::1]:8081/", "https://host"]
    {
        CosmosClient::new(endpoint, "c2VjcmV0")
            .unwrap_or_else(|error| panic!("{endpoint}: {error}"));
    }
    CosmosClient::builder("http://host/")
        .key("c2VjcmV0")
        .danger_allow_plain_http(true)
        .build()
        .unwrap();
}

#[test]
fn a_key_that_is_not_base64_is_refused_and_not_shown() {
    let error = CosmosClient::new("https://host/", "not*a*key").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(!format!("{error} {error:?}").contains("not*a*key"), "{error:?}");
    let error = CosmosClient::builder("https://host/").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
}

#[test]
fn connection_strings_say_which_part_is_wrong() {
    for (text, word) in [
        ("", "AccountEndpoint"),
        ("AccountKey=c2VjcmV0", "AccountEndpoint"),
        ("AccountEndpoint=https://host/", "AccountKey"),
        ("AccountEndpoint=https://host/;AccountKey=", "AccountKey"),
        ("AccountEndpoint=https://host/;AccountKey", "part 2"),
        (
            "AccountEndpoint=https://host/;AccountKey=c2VjcmV0;DisableServerCertificateValidation=maybe",
            "DisableServerCertificateValidation",
        ),
    ] {
        let error = CosmosClient::from_connection_string(text).unwrap_err();
        assert!(error.to_string().contains(word), "{text:?}: {error}");
        assert!(!error.to_string().contains("c2VjcmV0"), "{error}");
    }
    let key =
        "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";
    let text = format!(
        "AccountEndpoint=https://localhost:8081/;AccountKey={key};DisableServerCertificateValidation=True;"
    );
    let client = CosmosClient::from_connection_string(&text).unwrap();
    assert!(!format!("{client:?}").contains(key));
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let client = CosmosClient::new("https://host/", "c2VjcmV0a2V5").unwrap();
    let operation = client.database("db").container("c").read_item("1", PartitionKey::NULL);
    let text = format!(
        "{client:?} {operation:?} {:?}",
        CosmosClient::builder("https://host/").key("c2VjcmV0a2V5")
    );
    assert!(!text.contains("c2VjcmV0a2V5"), "{text}");
}

#[test]
fn a_bad_user_agent_suffix_is_refused() {
    for suffix in ["line\nbreak", "é", &"x".repeat(65)] {
        let outcome = CosmosClient::builder("https://host/")
            .key("c2VjcmV0")
            .user_agent_suffix(suffix)
            .build();
        refused(suffix, outcome, &["suffix"]);
    }
}
