//! Replays what a live account was asked, and compares what it answered.
//!
//! One request follows the other on one account, as they did when they were recorded, so that sequence numbers, charges
//! and resource counts agree as well. What cannot agree, or not yet, is listed with its reason.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::support::{Sender, header, json};
use crate::clock::VirtualClock;
use crate::emulator::Emulator;
use crate::emulator::sql::value::{Object, Value as Ordered};
use crate::transport::Response;

const RECORDINGS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/hosted.jsonl"));

/// Recordings that are sent, because later ones build on them, but whose answers are not compared.
const NOT_COMPARED: &[(u64, &str)] = &[
    (34, "lists the foreign databases of the recorded account"),
    #[cfg(not(feature = "scripts"))]
    (158, "runs a user-defined function, which takes the feature `scripts`"),
    #[cfg(not(feature = "scripts"))]
    (160, "runs a stored procedure, which takes the feature `scripts`"),
    (164, "lists the offers of the foreign databases"),
];

/// Headers whose recorded values are the foreign account's.
const FOREIGN_HEADERS: &[&str] = &["x-ms-resource-usage"];

/// How far the charge of a query may be from the recorded one, since it is an estimate.
const QUERY_TOLERANCE: f64 = 0.1;

struct Replay {
    sender: Sender,
    clock: VirtualClock,
    answers: HashMap<u64, Response>,
    problems: Vec<String>,
}

#[test]
fn the_recorded_answers_of_a_live_account_are_given() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let sender = Sender { version: "2018-12-31", ..Sender::new(emulator) };
    let mut replay = Replay { sender, clock, answers: HashMap::new(), problems: Vec::new() };
    let mut count = 0;
    for line in RECORDINGS.lines() {
        // A lone surrogate is no JSON to serde_json; it is sent as it stands in the file.
        let recording: Value = serde_json::from_str(&line.replace("\\ud800", "\\ufffd")).unwrap();
        if recording["replay"] != Value::Bool(false) {
            replay.play(&recording);
            count += 1;
        }
    }
    let problems = &replay.problems;
    assert!(problems.is_empty(), "{} of {count}:\n{}", problems.len(), problems.join("\n"));
}

impl Replay {
    fn play(&mut self, recording: &Value) {
        let number = recording["n"].as_u64().unwrap();
        if let Some(seconds) = recording["wait"].as_str().and_then(|it| it.strip_suffix('s')) {
            self.clock.advance(Duration::from_secs(seconds.parse().unwrap()));
        }
        let body = body(recording);
        let headers = self.headers(recording);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let method = recording["method"].as_str().unwrap();
        let path = recording["path"].as_str().unwrap();
        let response = if recording["no_auth"] == Value::Bool(true) {
            let request = http::Request::builder()
                .method(method)
                .uri(format!("https://emulator.local{path}"))
                .body(body)
                .unwrap();
            self.sender.emulator.transport().send(&request, Duration::ZERO).unwrap()
        } else {
            self.sender.send(method, path, &headers, &body)
        };
        if !NOT_COMPARED.iter().any(|(it, _)| *it == number) {
            let mut faults = Vec::new();
            compare(recording, &response, &mut faults);
            let name = recording["name"].as_str().unwrap();
            self.problems.extend(faults.into_iter().map(|it| format!("{number} {name}: {it}")));
        }
        self.answers.insert(number, response);
    }

    fn headers(&self, recording: &Value) -> Vec<(String, String)> {
        let from = recording["from"].as_u64().and_then(|it| self.answers.get(&it));
        let taken = |name| from.and_then(|it| header(it, name)).unwrap_or_default().to_owned();
        let headers = recording["headers"].as_object().unwrap().iter();
        headers
            .map(|(name, value)| {
                let value = match value.as_str().unwrap() {
                    "$prev" => taken("x-ms-continuation"),
                    "$etag" => taken("etag"),
                    other => other.to_owned(),
                };
                (name.clone(), value)
            })
            .collect()
    }
}

/// The body of a request; those that are too long for the file are described by a rule.
fn body(recording: &Value) -> Vec<u8> {
    let rule = &recording["body_rule"];
    match &recording["body"] {
        Value::String(text) if text == "$seed" => seed(rule),
        Value::String(text) if text == "$big" => {
            let y = "y".repeat(3 * 1024 * 1024);
            format!("{{\"id\":\"big\",\"pk\":\"a\",\"x\":\"{y}\"}}").into_bytes()
        }
        Value::String(text) if recording["body_is_text"] == Value::Bool(true) => {
            text.clone().into_bytes()
        }
        Value::Null => Vec::new(),
        body => {
            // Numbers are sent as they stand in the file, and the lone surrogate too.
            raw_line(recording["n"].as_u64().unwrap())
                .body
                .map_or_else(|| body.to_string(), |it| it.get().to_owned())
                .into_bytes()
        }
    }
}

/// What has to be taken from a line as it stands in the file.
#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
}

fn raw_line(number: u64) -> Line<'static> {
    let start = format!("{{\"n\":{number},");
    let line = RECORDINGS.lines().find(|it| it.starts_with(&start)).unwrap();
    serde_json::from_str(line).unwrap()
}

fn seed(rule: &Value) -> Vec<u8> {
    let key = rule["pk"].as_str().unwrap();
    let range = rule["from"].as_u64().unwrap()..=rule["to"].as_u64().unwrap();
    let operations = range.map(|i| {
        let item = seed_item(key, i);
        serde_json::json!({ "operationType": "Create", "resourceBody": item })
    });
    Value::Array(operations.collect()).to_string().into_bytes()
}

fn seed_item(key: &str, i: u64) -> Value {
    serde_json::json!({
        "id": format!("r{key}-{i}"), "pk": key, "n": i, "grp": i % 7, "txt": format!("row {i}")
    })
}

fn compare(recording: &Value, response: &Response, faults: &mut Vec<String>) {
    let status = recording["status"].as_u64().unwrap();
    let given = u64::from(response.status().as_u16());
    if given != status {
        let body = String::from_utf8_lossy(response.body());
        faults.push(format!("status {given}, not {status}: {body:.400}"));
        return;
    }
    for (name, expected) in recording["answer_headers"].as_object().unwrap() {
        compare_header(recording, name, expected, header(response, name), faults);
    }
    if recording["header_set"] == "gateway" {
        for name in ["x-ms-request-charge", "lsn", "x-ms-session-token"] {
            compare_header(recording, name, &Value::Bool(false), header(response, name), faults);
        }
    }
    compare_answer(recording, response, faults);
}

fn compare_header(
    recording: &Value,
    name: &str,
    expected: &Value,
    given: Option<&str>,
    faults: &mut Vec<String>,
) {
    let agrees = match expected {
        Value::Bool(present) => given.is_some() == *present,
        Value::String(text) => match (name, given) {
            _ if FOREIGN_HEADERS.contains(&name) => given.is_some(),
            ("lsn" | "x-ms-session-token" | "x-ms-item-lsn", Some(_)) if is_master(recording) => {
                true
            }
            ("x-ms-request-charge", Some(given)) if is_query(recording) => {
                let (given, text): (f64, f64) = (given.parse().unwrap(), text.parse().unwrap());
                (given - text).abs() <= text * QUERY_TOLERANCE
            }
            ("content-type", Some(given)) => given.starts_with(text.as_str()),
            (_, given) => given == Some(text),
        },
        _ => true,
    };
    if !agrees {
        faults.push(format!("{name} is {given:?}, not {expected}"));
    }
}

/// Whether the master partition answered, whose count includes what happened to the account before.
fn is_master(recording: &Value) -> bool {
    let headers = recording["answer_headers"].as_object().unwrap();
    let is_about_data = headers.contains_key("x-ms-documentdb-partitionkeyrangeid");
    !is_about_data && recording["n"] != 2
}

fn is_query(recording: &Value) -> bool {
    recording["headers"]["content-type"].as_str().is_some_and(|it| it.contains("query"))
}

fn compare_answer(recording: &Value, response: &Response, faults: &mut Vec<String>) {
    let text = String::from_utf8_lossy(response.body());
    if let Some(exact) = recording["answer_text"].as_str() {
        // What the service adds at the end is volatile, so that the rest is compared.
        let exact = exact.trim_end_matches('}');
        if !text.contains(exact) {
            faults.push(format!("answer {text:.600}, not {exact}"));
        }
    }
    let given = json(response);
    match &recording["answer"] {
        Value::String(text) if text == "$seed_answer" => compare_seed(recording, &given, faults),
        expected => {
            let mut expected = expected.clone();
            if expected.get("queryEngineConfiguration").is_some() {
                expected["id"] = "$any".into();
                expected["_rid"] = "$any".into();
            }
            compare_order(recording, &text, faults);
            fill_bulk(recording, &mut expected);
            strip_tail(recording, &given, &mut expected, faults);
            let given = if recording.get("order").is_some() { sorted(&given) } else { given };
            let expected =
                if recording.get("order").is_some() { sorted(&expected) } else { expected };
            if let Some(difference) = difference(&expected, &given, "$") {
                faults.push(difference);
            }
        }
    }
}

/// Members stand in the service's order.
fn compare_order(recording: &Value, given: &str, faults: &mut Vec<String>) {
    if recording.get("answer_rule").is_some() || recording.get("order").is_some() {
        return;
    }
    let raw = raw_line(recording["n"].as_u64().unwrap()).answer;
    let expected = Ordered::from_json(raw.map_or("null", |it| it.get()).as_bytes()).unwrap();
    if let Ok(given) = Ordered::from_json(given.as_bytes()) {
        faults.extend(order_difference(&expected, &given));
    }
}

fn order_difference(expected: &Ordered, given: &Ordered) -> Option<String> {
    match (expected, given) {
        (Ordered::Object(expected), Ordered::Object(given)) => {
            let names = |it: &Object| it.iter().map(|it| it.0.to_string()).collect::<Vec<_>>();
            if names(expected) != names(given) {
                return Some(format!("order {:?}, not {:?}", names(given), names(expected)));
            }
            let pairs = expected.iter().zip(given.iter());
            pairs.into_iter().find_map(|(a, b)| order_difference(a.1, b.1))
        }
        (Ordered::Array(expected), Ordered::Array(given)) => {
            expected.iter().zip(given.iter()).find_map(|(a, b)| order_difference(a, b))
        }
        _ => None,
    }
}

fn compare_seed(recording: &Value, given: &Value, faults: &mut Vec<String>) {
    let rule = &recording["body_rule"];
    let (key, from) = (rule["pk"].as_str().unwrap(), rule["from"].as_u64().unwrap());
    let entries = given.as_array().unwrap();
    for (i, entry) in (from..).zip(entries) {
        let mut item = seed_item(key, i);
        for name in ["_rid", "_self", "_etag", "_ts"] {
            item[name] = "$any".into();
        }
        item["_attachments"] = "attachments/".into();
        let expected = serde_json::json!({
            "statusCode": 201, "requestCharge": 7.047_619_047_619_047, "eTag": "$any", "resourceBody": item
        });
        faults.extend(difference(&expected, entry, "$"));
    }
    if entries.len() != 100 {
        faults.push(format!("{} entries", entries.len()));
    }
}

/// Puts the rows of the container `bulk` in, which are made by a rule.
fn fill_bulk(recording: &Value, expected: &mut Value) {
    if expected["Documents"] != "$bulk" {
        return;
    }
    let rule = &recording["answer_rule"];
    let names: Vec<&str> =
        rule["project"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let all = (0..2500).map(|it| seed_item(&format!("p{}", it / 500), it % 500));
    let rows = all
        .skip_while(|it| it["id"] != rule["first_id"])
        .take(usize::try_from(rule["count"].as_u64().unwrap()).unwrap())
        .map(|item| {
            let members = names.iter().map(|name| {
                let value = match *name {
                    "_rid" | "_self" | "_etag" | "_ts" => "$any".into(),
                    "_attachments" => "attachments/".into(),
                    name => item[name].clone(),
                };
                ((*name).to_owned(), value)
            });
            Value::Object(members.collect())
        });
    expected["Documents"] = Value::Array(rows.collect());
}

/// Recorded messages were cut before their tails; the tail is compared by its form.
fn strip_tail(recording: &Value, given: &Value, expected: &mut Value, faults: &mut Vec<String>) {
    let Some(message) = given["message"].as_str() else { return };
    let Some(text) = expected["message"].as_str() else { return };
    let Some(tail) = message.strip_prefix(text) else { return };
    let has_its_form = match recording["message_tail"].as_str().unwrap_or_default() {
        "gateway" => tail.starts_with("\r\nActivityId: ") && !tail.contains("Request URI"),
        "backend" => tail.starts_with("\r\nActivityId: ") && tail.contains("Request URI"),
        "diagnostics" => tail.starts_with(", \r\nRequestStartTime: "),
        _ => tail.is_empty(),
    };
    if !has_its_form {
        faults.push(format!("tail {tail:?}"));
    }
    expected["message"] = message.into();
}

/// The lists of an answer in an order of their own, for feeds that have none.
fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    for list in value.as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
        if let Some(list) = list.as_array_mut() {
            list.sort_by_key(|it| it["id"].to_string());
        }
    }
    value
}

/// The first difference, also in the order of members.
fn difference(expected: &Value, given: &Value, path: &str) -> Option<String> {
    match (expected, given) {
        (Value::String(text), given) if text == "$any" => {
            given.is_null().then(|| format!("{path} is missing"))
        }
        (Value::Object(expected), Value::Object(given)) => {
            let absent = expected.keys().find(|it| !given.contains_key(*it));
            let added = given.keys().find(|it| !expected.contains_key(*it));
            if let Some(name) = absent.or(added) {
                return Some(format!("{path}.{name} is in one answer only"));
            }
            expected.iter().find_map(|(name, value)| {
                difference(value, &given[name], &format!("{path}.{name}"))
            })
        }
        (Value::Array(expected), Value::Array(given)) if expected.len() == given.len() => {
            let pairs = expected.iter().zip(given).enumerate();
            pairs.into_iter().find_map(|(index, (expected, given))| {
                difference(expected, given, &format!("{path}[{index}]"))
            })
        }
        (Value::Number(a), Value::Number(b)) if path.ends_with("Charge") => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            ((a - b).abs() > 0.005).then(|| format!("{path} is {b}, not {a}"))
        }
        (Value::Number(a), Value::Number(b)) => {
            (a.as_f64() != b.as_f64()).then(|| format!("{path} is {b}, not {a}"))
        }
        (expected, given) => {
            (expected != given).then(|| format!("{path} is {given:.300}, not {expected:.300}"))
        }
    }
}
