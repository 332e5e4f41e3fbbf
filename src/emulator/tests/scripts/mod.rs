//! Stored procedures and triggers, by the protocol.

mod api;
mod definitions;
mod directives;
mod limits;
mod procedures;
mod queries;
mod resolvers;
mod together;
mod triggers;

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{ITEMS, SIMPLE, Sender, container, json};
use crate::emulator::Emulator;
use crate::transport::Response;

const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);
const LOGGING: (&str, &str) = ("x-ms-documentdb-script-enable-logging", "True");
const SPROCS: &str = "/dbs/d/colls/c/sprocs";
const TRIGGERS: &str = "/dbs/d/colls/c/triggers";

/// An account with a container.
fn account() -> Sender {
    container(Emulator::new(), &[], SIMPLE)
}

/// An account whose scripts are stopped after this time.
fn account_with_timeout(millis: u64) -> Sender {
    let timeout = Duration::from_millis(millis);
    container(Emulator::builder().script_timeout(timeout).build().unwrap(), &[], SIMPLE)
}

/// Stores a procedure under the id `p`, or puts it in the place of the one before.
fn store(sender: &Sender, body: &str) {
    let body = json!({ "id": "p", "body": body }).to_string();
    let headers = [("x-ms-documentdb-is-upsert", "True")];
    let made = sender.send("POST", SPROCS, &headers, body.as_bytes());
    assert!(made.status().is_success(), "{}", String::from_utf8_lossy(made.body()));
}

/// Calls the procedure `p` for the key `a`.
fn call(sender: &Sender, arguments: &Value) -> Response {
    sender.send("POST", &format!("{SPROCS}/p"), &[KEY], arguments.to_string().as_bytes())
}

/// Stores a procedure, calls it, and answers its body.
fn run(sender: &Sender, body: &str, arguments: &Value) -> Value {
    store(sender, body);
    let answer = call(sender, arguments);
    assert_eq!(answer.status(), 200, "{body}: {}", String::from_utf8_lossy(answer.body()));
    json(&answer)
}

/// Stores a procedure that fails, calls it, and answers status, sub-status and message.
fn fail(sender: &Sender, body: &str, arguments: &Value) -> (u16, u32, String) {
    store(sender, body);
    failure(&call(sender, arguments))
}

fn failure(answer: &Response) -> (u16, u32, String) {
    let sub_status = super::support::header(answer, "x-ms-substatus").unwrap_or("0");
    let message = json(answer)["message"].as_str().unwrap_or_default().to_owned();
    (answer.status().as_u16(), sub_status.parse().unwrap(), message)
}

/// The ids of the key `a`.
fn ids(sender: &Sender) -> Vec<String> {
    sender.ids(&[KEY], "SELECT c.id FROM c")
}

fn read(sender: &Sender, id: &str) -> Response {
    sender.send("GET", &format!("{ITEMS}/{id}"), &[KEY], b"")
}
