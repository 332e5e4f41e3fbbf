//! The `cosmosdb-emulator` binary, as a process.
#![cfg(all(feature = "server", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// A running emulator. It is killed when the test ends, however that ends.
struct Emulator {
    process: Child,
    /// The first line that it printed.
    ready: String,
}

impl Emulator {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        Self { process, ready }
    }

    /// `host:port` of the ready line.
    fn authority(&self) -> &str {
        self.ready.split('/').nth(2).unwrap()
    }

    fn get(&self, path: &str) -> String {
        get(self.authority(), path)
    }

    /// Sends a signal and returns the exit code and what was written to standard error.
    fn end_with(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let code = self.process.wait().unwrap().code();
        let mut errors = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (code, errors)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It fails where the process has ended already, as it should have.
        let _ = self.process.kill();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cosmosdb-emulator"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn get(authority: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Status and body of a control of the emulator.
fn control(authority: &str, name: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(authority).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(stream, "POST /_emulator/{name} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    (answer[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_says_when_it_is_ready_and_ends_with_0_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let emulator = Emulator::start(&["--port", "0"]);
        let line = emulator.ready.as_str();
        assert!(line.starts_with("listening on http://127.0.0.1:") && line.ends_with("/\n"));
        assert!(emulator.get("/_emulator/health").starts_with("HTTP/1.1 200 OK\r\n"));
        let (code, errors) = emulator.end_with(signal);
        assert_eq!(code, Some(0));
        assert!(errors.contains("GET /_emulator/health -> 200"), "{errors}");
    }
}

#[test]
fn an_open_connection_does_not_keep_it_from_ending() {
    let emulator = Emulator::start(&["--port", "0", "--quiet"]);
    let _idle = TcpStream::connect(emulator.authority()).unwrap();
    assert_eq!(emulator.end_with("-TERM"), (Some(0), String::new()));
}

#[test]
fn requests_without_a_signature_are_refused() {
    let emulator = Emulator::start(&["--port", "0", "--quiet"]);
    assert!(emulator.get("/dbs").starts_with("HTTP/1.1 401 "), "{}", emulator.get("/dbs"));
}

#[test]
fn it_writes_its_certificate_to_a_file() {
    let path = std::env::temp_dir().join(format!("cosmosdb-emulator-{}.pem", std::process::id()));
    let file = path.to_str().unwrap();
    let emulator = Emulator::start(&["--port", "0", "--tls", "--certificate", file]);
    assert!(emulator.ready.starts_with("listening on https://127.0.0.1:"), "{}", emulator.ready);
    let pem = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert_eq!(emulator.end_with("-TERM").0, Some(0));
}

#[test]
fn each_region_has_a_port_of_its_own() {
    let emulator = Emulator::start(&["--port", "0", "--regions", "East US, West US"]);
    let (code, errors) = emulator.end_with("-TERM");
    assert_eq!(code, Some(0));
    assert!(errors.contains("West US is on http://127.0.0.1:"), "{errors}");
}

#[test]
fn bad_arguments_are_explained_and_end_it_with_2() {
    let cases: [(&[&str], &str); 9] = [
        (&["--prot", "1"], "--prot"),
        (&["--port", "70000"], "70000"),
        (&["--key", "no base64!"], "base64"),
        (&["--partitions", "0"], "--partitions"),
        (&["--regions", "East US,,West US"], "region"),
        (&["--regions", "East US,East US"], "region"),
        (&["--port", "65535", "--regions", "East US,West US"], "port"),
        (&["--consistency", "tidy"], "consistency"),
        (&["--certificate", "a.pem"], "--tls"),
    ];
    for (arguments, mentioned) in cases {
        let (code, errors) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(mentioned), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_port_in_use_is_explained_and_ends_it_with_1() {
    let emulator = Emulator::start(&["--port", "0"]);
    let port = emulator.authority().rsplit(':').next().unwrap();
    let (code, errors) = run(&["--port", port]);
    assert_eq!(code, Some(1));
    assert!(errors.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{errors}");
}

#[test]
fn the_account_can_be_changed_from_outside() {
    let emulator = cosmosdb::Emulator::new();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let authority = server.addr().to_string();
    let client = emulator.client();
    client.create_database("shop").send().unwrap();
    let mut orders = cosmosdb::ContainerProperties::new("orders", "/id");
    orders.default_ttl = Some(cosmosdb::models::TimeToLive::Seconds(60));
    client.database("shop").create_container(orders).send().unwrap();
    let orders = client.database("shop").container("orders");
    orders.create_item(&json!({ "id": "1" })).send().unwrap();
    let with = |more: Value| {
        let mut body = json!({ "database": "shop", "container": "orders" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    let split = control(&authority, "split", &with(json!({ "range": "0" })));
    assert_eq!(split, (200, json!({ "ranges": ["1", "2"] })));
    let merge = control(&authority, "merge", &with(json!({ "ranges": ["1", "2"] })));
    assert_eq!(merge, (200, json!({ "range": "3" })));
    assert_eq!(control(&authority, "split", &with(json!({ "range": "0" }))).0, 400);
    assert_eq!(control(&authority, "split", &json!({ "range": "3" })).0, 400);

    assert!(orders.read_item("1", "1").send().is_ok());
    assert_eq!(control(&authority, "clock", &json!({ "advance_ms": 61_000 })).0, 200);
    assert!(orders.read_item("1", "1").send().unwrap_err().is_not_found());

    assert_eq!(control(&authority, "reset", &json!({})), (200, json!({})));
    assert!(client.database("shop").read().send().unwrap_err().is_not_found());
    assert_eq!(control(&authority, "juggle", &json!({})).0, 400);
}
