//! Connections: proxies, pooling, certificates, and what happens when they break.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Emulator, EmulatorOperation, ErrorKind,
    FaultRule, RetryOptions,
};
use serde_json::{Value, json};

use super::wire::Seed;

fn filled(client: &CosmosClient) -> Container {
    client.create_database_if_not_exists("db").unwrap();
    let database = client.database("db");
    database.create_container_if_not_exists(&ContainerProperties::new("items", "/pk")).unwrap();
    let items = database.container("items");
    items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    items
}

/// A proxy that makes tunnels, and counts them.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tunnels);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || tunnel(client));
        }
    });
    (url, tunnels)
}

fn tunnel(mut client: TcpStream) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    assert!(head.starts_with("CONNECT "), "{head}");
    let mut server = TcpStream::connect(head.split(' ').nth(1).unwrap()).unwrap();
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let mut answers = server.try_clone().unwrap();
    thread::spawn(move || copy(&mut answers, &mut client));
    let _ = copy(&mut reader, &mut server);
}

#[test]
fn s02_everything_goes_through_the_proxy() {
    let emulator = Emulator::new();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let (url, tunnels) = proxy();
    let builder = CosmosClient::builder(server.url()).key(emulator.key()).proxy(url);
    filled(&builder.build().unwrap());
    assert!(tunnels.load(Ordering::SeqCst) >= 1);
    let through = tunnels.load(Ordering::SeqCst) as u64;
    assert_eq!(server.accepted_connections(), through, "nothing went past the proxy");
}

#[test]
fn s02_a_proxy_that_is_none_fails_at_build_and_one_that_is_not_there_at_connect() {
    let builder = || CosmosClient::builder("http://127.0.0.1:1/").key("c2VjcmV0");
    for nonsense in ["", "::no url::", "ftp://proxy:21"] {
        let error = builder().proxy(nonsense).build().err();
        assert_eq!(error.map(|it| it.kind()), Some(ErrorKind::InvalidInput), "{nonsense:?}");
    }
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = builder().proxy(format!("http://{free}")).retry(RetryOptions::none());
    let error = client.build().unwrap().connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
}

#[test]
fn s18_requests_share_a_connection_and_threads_a_pool() {
    let emulator = Emulator::new();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let items = filled(&CosmosClient::new(server.url(), emulator.key()).unwrap());
    for _ in 0..30 {
        items.read_item("1", "a").send().unwrap();
    }
    assert_eq!(server.accepted_connections(), 1);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    items.read_item("1", "a").send().unwrap();
                }
            });
        }
    });
    assert!(server.accepted_connections() <= 5, "{}", server.accepted_connections());
}

#[test]
fn s22b_a_certificate_that_nobody_trusts_is_accepted_only_when_asked() {
    let emulator = Emulator::new();
    let server = emulator.serve_tls("127.0.0.1:0").unwrap();
    let builder = || CosmosClient::builder(server.url()).key(emulator.key());
    let strict = builder().retry(RetryOptions::none()).build().unwrap();
    let error = strict.connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    let blind = builder().danger_accept_invalid_certs(true).build().unwrap();
    filled(&blind);
    let trusting = builder().root_certificate(server.certificate_pem().unwrap()).build().unwrap();
    filled(&trusting);
}

#[test]
fn s29_reads_and_queries_are_repeated_when_the_connection_breaks() {
    for rule in [FaultRule::dropped_before(), FaultRule::dropped_after(), FaultRule::refused()] {
        let seed = Seed::new();
        let items = seed.container("/pk");
        items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
        seed.emulator.fault(rule.clone().times(2));
        items.read_item("1", "a").send().unwrap();
        seed.emulator.fault(rule.clone().operation(EmulatorOperation::QueryItems).times(2));
        let query = items.query_items::<Value>("SELECT * FROM c").partition_key("a");
        assert_eq!(query.into_iter().count(), 1, "{rule:?}");
    }
}

#[test]
fn s29_a_write_of_which_nobody_knows_is_not_repeated_unless_that_is_wanted() {
    let create = EmulatorOperation::CreateItem;
    let count = |seed: &Seed| {
        seed.emulator.take_requests().iter().filter(|it| it.operation == create).count()
    };
    let item = json!({ "id": "1", "pk": "a" });

    let seed = Seed::new();
    let items = seed.container("/pk");
    seed.emulator.fault(FaultRule::dropped_after().operation(create).times(1));
    let error = items.create_item(&item).send().unwrap_err();
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(count(&seed), 1);
    items.read_item("1", "a").send().unwrap();

    // Not carried out, and repeated since the call allows it.
    let seed = Seed::new();
    let items = seed.container("/pk");
    seed.emulator.fault(FaultRule::dropped_before().operation(create).times(1));
    items.create_item(&item).retry_writes(true).send().unwrap();
    assert_eq!(count(&seed), 2);

    // Surely not sent, and so repeated in any case.
    let seed = Seed::new();
    let items = seed.container("/pk");
    seed.emulator.fault(FaultRule::refused().operation(create).times(2));
    items.create_item(&item).send().unwrap();
    assert_eq!(count(&seed), 3);
}

#[test]
fn s29_the_retries_of_connections_are_bounded() {
    let seed = Seed::of(|it| it, |it| it.retry(RetryOptions::new().max_connection_retries(4)));
    let items = seed.container("/pk");
    items.upsert_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    let read = EmulatorOperation::ReadItem;
    seed.emulator.fault(FaultRule::refused().operation(read));
    seed.wire.take();
    let error = items.read_item("1", "a").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    let reads = seed.wire.take().iter().filter(|it| it.uri().path().ends_with("/docs/1")).count();
    assert_eq!(reads, 5);
    assert!(seed.elapsed() < Duration::from_secs(60));
}
