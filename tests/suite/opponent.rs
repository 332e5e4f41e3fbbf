//! The emulator as an opponent, seen by the client: faults, regions and limits, in process and over a socket.

use std::time::{Duration, Instant};

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{ConnectionOptions, Request, Transport, UreqTransport};
use cosmosdb::{
    Container, ContainerProperties, CosmosClient, Emulator, EmulatorOperation, EmulatorServer,
    ErrorKind, FaultRule,
};
use serde_json::{Value, json};

const MS: Duration = Duration::from_millis(1);

/// A container with one item.
fn filled(client: &CosmosClient) -> Container {
    client.create_database("d").send().unwrap();
    let database = client.database("d");
    database.create_container(ContainerProperties::new("c", "/pk")).send().unwrap();
    let container = database.container("c");
    container.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
    container
}

fn served() -> (Emulator, EmulatorServer, Container) {
    let emulator = Emulator::builder().regions(["East US", "West US"]).build().unwrap();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let container = filled(&CosmosClient::new(server.url(), emulator.key()).unwrap());
    (emulator, server, container)
}

fn control(url: &str, name: &str, body: &Value) -> (u16, Value) {
    let request: Request = http::Request::post(format!("{url}_emulator/{name}"))
        .body(body.to_string().into_bytes())
        .unwrap();
    let transport = UreqTransport::new(&ConnectionOptions::new()).unwrap();
    let response = transport.send(&request, Duration::from_secs(10)).unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn statuses(emulator: &Emulator, operation: EmulatorOperation) -> Vec<Option<u16>> {
    let requests = emulator.take_requests().into_iter();
    requests.filter(|it| it.operation == operation).map(|it| it.status).collect()
}

#[test]
fn throttling_is_waited_out_on_the_virtual_clock() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let container = filled(&emulator.client());
    let rule = FaultRule::throttle(60 * MS).operation(EmulatorOperation::ReadItem);
    emulator.fault(rule.times(3));
    emulator.take_requests();
    let before = clock.monotonic();
    container.read_item("1", "a").send().unwrap();
    assert!(clock.monotonic() - before >= 180 * MS);
    let expected = [Some(429), Some(429), Some(429), Some(200)];
    assert_eq!(statuses(&emulator, EmulatorOperation::ReadItem), expected);
}

#[test]
fn a_limit_on_throughput_loses_nothing() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock).rate_limit(true).build().unwrap();
    let container = filled(&emulator.client());
    for number in 0..150 {
        let item = json!({ "id": format!("i{number}"), "pk": "a" });
        container.create_item(&item).send().unwrap();
    }
    let count = container.query_items::<u32>("SELECT VALUE COUNT(1) FROM c").partition_key("a");
    assert_eq!(count.into_iter().collect::<cosmosdb::Result<Vec<_>>>().unwrap(), [151]);
    assert!(emulator.requests().iter().any(|it| it.status == Some(429)));
}

#[test]
fn a_create_whose_answer_is_lost_is_there_once() {
    let emulator = Emulator::new();
    let container = filled(&emulator.client());
    let rule = FaultRule::dropped_after().operation(EmulatorOperation::CreateItem);
    emulator.fault(rule.times(1));
    let _ = container.create_item(&json!({ "id": "2", "pk": "a" })).send();
    let rows = container.query_items::<Value>("SELECT * FROM c WHERE c.id = '2'");
    assert_eq!(rows.partition_key("a").into_iter().count(), 1);
}

#[test]
fn answers_that_break_off_or_stall_on_a_socket_are_errors_in_time() {
    let (emulator, _server, container) = served();
    let item = json!({ "id": "long", "pk": "a", "text": "x".repeat(5000) });
    container.create_item(&item).send().unwrap();
    for rule in [
        FaultRule::dropped_before(),
        FaultRule::dropped_after(),
        FaultRule::truncated(700),
        FaultRule::truncated(0),
        FaultRule::stalled(700),
        FaultRule::hang(),
    ] {
        emulator.fault(rule.clone().operation(EmulatorOperation::ReadItem));
        let started = Instant::now();
        let error = container.read_item("long", "a").timeout(400 * MS).send().unwrap_err();
        let is_expected = matches!(error.kind(), ErrorKind::Transport | ErrorKind::Timeout);
        assert!(is_expected, "{rule:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(8), "{rule:?}");
        emulator.clear_faults();
        let read: Value = container.read_item("long", "a").send().unwrap().item().unwrap();
        assert_eq!(read["text"], item["text"]);
    }
}

#[test]
fn the_port_of_a_region_off_the_network_refuses_connections() {
    let (emulator, server, _container) = served();
    let west = &server.region_urls()[1];
    let connects = || {
        let addr = west.trim_start_matches("http://").trim_end_matches('/');
        std::net::TcpStream::connect(addr).is_ok()
    };
    for _ in 0..3 {
        assert!(connects());
        emulator.region_offline("West US").unwrap();
        assert!(!connects());
        emulator.region_online("West US").unwrap();
    }
    assert!(connects());
    let client = CosmosClient::new(west, emulator.key()).unwrap();
    client.database("d").container("c").read_item("1", "a").send().unwrap();
    emulator.region_offline("West US").unwrap();
    drop(server);
}

#[test]
fn the_controls_do_what_the_emulator_can() {
    let (emulator, server, container) = served();
    let url = server.url();
    let done = |name: &str, body: Value| {
        let (status, answer) = control(url, name, &body);
        assert_eq!(status, 200, "{name} {body}: {answer}");
        answer
    };
    done("requests", json!({}));
    done(
        "fault",
        json!({
            "status": 429, "sub_status": 3200, "retry_after_ms": 1, "operation": "read_item",
            "database": "d", "container": "c", "region": "East US", "range": "0",
            "partition_key": ["a"], "times": 2, "after": 0, "every": 1, "probability": 1, "seed": 7,
        }),
    );
    container.read_item("1", "a").send().unwrap();
    let log = done("requests", json!({ "keep": true }));
    let log = log["requests"].as_array().unwrap();
    let reads = log.iter().filter(|it| it["operation"] == "read_item");
    let reads: Vec<_> = reads.map(|it| it["status"].clone()).collect();
    assert_eq!(reads, [429, 429, 200]);
    for rule in [
        json!({ "kind": "drop", "carried_out": true }),
        json!({ "kind": "truncate", "bytes": 10, "operation": ["read_item", "query"] }),
        json!({ "kind": "stall", "bytes": 10, "header": ["x-ms-version", "1"] }),
        json!({ "kind": "hang", "region": "West US" }),
        json!({ "kind": "delay", "delay_ms": 1 }),
        json!({ "status": 502, "body": "<html>" }),
    ] {
        done("fault", rule);
    }
    done("fault", json!({ "clear": true }));
    container.read_item("1", "a").send().unwrap();

    done("region", json!({ "action": "pause", "region": "West US" }));
    done("region", json!({ "action": "lag", "region": "West US", "lag_ms": 50 }));
    done("region", json!({ "action": "resume", "region": "West US" }));
    done("region", json!({ "action": "offline", "region": "West US" }));
    done("region", json!({ "action": "online", "region": "West US" }));
    done("region", json!({ "action": "multi_write", "enabled": true }));
    done("region", json!({ "action": "multi_write", "enabled": false }));
    let regions = done("region", json!({ "action": "fail_over", "region": "West US" }));
    assert_eq!(regions["regions"][1]["takesWrites"], true);
    assert_eq!(regions["regions"][0]["takesWrites"], false);

    let split = json!({ "database": "d", "container": "c", "range": "0", "lock_ms": 1 });
    assert_eq!(done("split", split)["ranges"], json!(["1", "2"]));
    let merge = json!({ "database": "d", "container": "c", "ranges": ["1", "2"] });
    assert_eq!(done("merge", merge)["range"], "3");
    let split = control(
        url,
        "split",
        &json!({ "database": "d", "container": "c", "range": "3", "by_storage": true }),
    );
    assert_eq!(split.0, 400, "one key has everything: {}", split.1);
    done("ranges", json!({ "page_size": 2 }));
    done("clock", json!({ "advance_ms": 5 }));
    for (name, body) in [
        ("fault", json!({ "status": 99 })),
        ("fault", json!({ "kind": "drop", "status": 503 })),
        ("fault", json!({ "status": 503, "operation": "dance" })),
        ("fault", json!({ "status": 503, "partition_key": "a" })),
        ("fault", json!({ "status": 503, "unknown": 1 })),
        ("region", json!({ "action": "pause", "region": "Mars" })),
        ("region", json!({ "action": "dance" })),
        ("region", json!({ "action": "pause" })),
        ("clock", json!({})),
        ("reset", json!({ "x": 1 })),
    ] {
        assert_eq!(control(url, name, &body).0, 400, "{name} {body}");
    }
    done("region", json!({ "action": "offline", "region": "West US" }));
    let last = json!({ "action": "offline", "region": "East US" });
    assert_eq!(control(url, "region", &last).0, 400, "nobody could bring it back");

    done("reset", json!({}));
    assert!(emulator.requests().is_empty());
    assert!(container.read_item("1", "a").send().unwrap_err().is_not_found());
    assert_eq!(done("region", json!({ "action": "list" }))["regions"][1]["isOnline"], true);
}

/// The session of another client may be ahead in ranges of which this one has not heard yet.
#[test]
fn a_session_that_is_handed_over_after_a_split_is_heeded() {
    let emulator = Emulator::builder().regions(["East US", "West US"]).build().unwrap();
    let writer = filled(&emulator.client());
    let client = CosmosClient::builder(emulator.endpoint())
        .key(emulator.key())
        .shared_transport(emulator.transport())
        .preferred_regions(["West US"])
        .build()
        .unwrap();
    let reader = client.database("d").container("c");
    assert_eq!(reader.feed_ranges().unwrap().len(), 1);
    reader.read_item("1", "a").send().unwrap();

    emulator.split("d", "c", "0").unwrap();
    emulator.pause_replication("West US").unwrap();
    writer.create_item(&json!({ "id": "2", "pk": "a" })).send().unwrap();
    reader.adopt_session_token(&writer.session_token().unwrap()).unwrap();
    assert_eq!(reader.read_item("2", "a").send().unwrap().status(), 200);
}
