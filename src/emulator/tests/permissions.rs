//! Permissions: the tokens that they give out, and what these let their bearers do.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{ITEMS, QUERY, SIMPLE, Sender, container, json as read};
use crate::clock::VirtualClock;
use crate::emulator::Emulator;
use crate::transport::Response;

const PERMISSIONS: &str = "/dbs/d/users/ana/permissions";
const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", "[\"a\"]");
const OTHER_KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", "[\"b\"]");
const PLAN: (&str, &str) = ("x-ms-cosmos-is-query-plan-request", "True");
const BATCH: (&str, &str) = ("x-ms-cosmos-is-batch-request", "True");
const UPSERT: (&str, &str) = ("x-ms-documentdb-is-upsert", "True");
const ALL: &str = r#"{"query":"SELECT * FROM c"}"#;

/// An account with a container, an item of each of two keys, scripts, and a user without permissions.
fn account(clock: &VirtualClock) -> Sender {
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let sender = container(emulator, &[], SIMPLE);
    sender.create("1", "a");
    sender.create("1", "b");
    sender.create("2", "a");
    for scripts in ["sprocs", "udfs"] {
        let body = br#"{"id":"s","body":"function s() { return 1; }"}"#;
        let made = sender.send("POST", &format!("/dbs/d/colls/c/{scripts}"), &[], body);
        assert_eq!(made.status(), 201);
    }
    assert_eq!(sender.send("POST", "/dbs/d/users", &[], br#"{"id":"ana"}"#).status(), 201);
    sender
}

fn permit(sender: &Sender, permission: &Value) -> String {
    let made = sender.send("POST", PERMISSIONS, &[], permission.to_string().as_bytes());
    assert_eq!(made.status(), 201, "{}", String::from_utf8_lossy(made.body()));
    token(&read(&made))
}

fn token(permission: &Value) -> String {
    permission["_token"].as_str().unwrap().to_owned()
}

impl Sender {
    /// Sends a request with a resource token.
    fn send_with(
        &self,
        token: &str,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let token = token.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base.trim_end_matches('/')))
            .header("x-ms-version", self.version)
            .header("authorization", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        self.emulator.transport().send(&request, Duration::from_secs(5)).unwrap()
    }
}

/// Method, path, headers and body of a request, and the status that the bearer is to get.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

fn check(sender: &Sender, token: &str, cases: &[Case<'_>]) {
    for (method, path, headers, body, status) in cases {
        let path = path.replace("DOCS", ITEMS);
        let answer = sender.send_with(token, (method, &path), headers, body);
        let text = String::from_utf8_lossy(answer.body());
        assert_eq!(answer.status().as_u16(), *status, "{method} {path} {headers:?}: {text}");
    }
}

/// What belongs to the owner of the account, whatever else was permitted.
const OWNERS: &[Case<'_>] = &[
    ("GET", "/dbs", &[], "", 403),
    ("POST", "/dbs", &[], r#"{"id":"x"}"#, 403),
    ("GET", "/dbs/d", &[], "", 403),
    ("DELETE", "/dbs/d", &[], "", 403),
    ("GET", "/dbs/d/colls", &[], "", 403),
    ("POST", "/dbs/d/colls", &[], r#"{"id":"x","partitionKey":{"paths":["/pk"]}}"#, 403),
    ("GET", "/dbs/d/users", &[], "", 403),
    ("GET", "/dbs/d/users/ana", &[], "", 403),
    ("GET", PERMISSIONS, &[], "", 403),
    ("GET", "/offers", &[], "", 403),
    ("POST", "/offers", &[QUERY], ALL, 403),
    ("GET", "/dbs/d/colls/other", &[], "", 403),
    ("GET", "/dbs/other/colls/c", &[], "", 403),
    // The account tells clients where its regions are.
    ("GET", "/", &[], "", 200),
];

#[test]
fn every_answer_has_a_new_token() {
    let sender = account(&VirtualClock::new());
    let permission = json!({ "id": "p", "permissionMode": "Read", "resource": "dbs/d/colls/c" });
    let mut tokens = vec![permit(&sender, &permission)];
    let path = format!("{PERMISSIONS}/p");
    let body = permission.to_string();
    tokens.push(token(&read(&sender.send("GET", &path, &[], b""))));
    tokens.push(token(&read(&sender.send("PUT", &path, &[], body.as_bytes()))));
    tokens.push(token(&read(&sender.send("POST", PERMISSIONS, &[UPSERT], body.as_bytes()))));
    let list = read(&sender.send("GET", PERMISSIONS, &[], b""));
    tokens.push(token(&list["Permissions"][0]));
    let query = br#"{"query":"SELECT * FROM c WHERE c.id = 'p'"}"#;
    let found = read(&sender.send("POST", PERMISSIONS, &[QUERY], query));
    tokens.push(token(&found["Permissions"][0]));
    for token in &tokens {
        assert!(token.starts_with("type=resource&ver=1&sig=") && token.ends_with(';'), "{token}");
        check(&sender, token, &[("GET", "/dbs/d/colls/c", &[], "", 200)]);
    }
    let different: std::collections::HashSet<_> = tokens.iter().collect();
    assert_eq!(different.len(), tokens.len());
}

#[test]
fn a_token_to_read_reads_and_queries_and_writes_nothing() {
    let sender = account(&VirtualClock::new());
    let container = "/dbs/d/colls/c";
    let token =
        permit(&sender, &json!({ "id": "p", "permissionMode": "read", "resource": container }));
    check(&sender, &token, OWNERS);
    check(
        &sender,
        &token,
        &[
            ("GET", container, &[], "", 200),
            ("GET", "/dbs/d/colls/c/pkranges", &[], "", 200),
            ("GET", "DOCS", &[], "", 200),
            ("GET", "DOCS", &[KEY, ("a-im", "Incremental feed")], "", 200),
            ("POST", "DOCS", &[QUERY, KEY], ALL, 200),
            ("POST", "DOCS", &[QUERY, PLAN], ALL, 200),
            ("GET", "DOCS/1", &[KEY], "", 200),
            ("GET", "/dbs/d/colls/c/udfs/s", &[], "", 200),
            ("POST", "DOCS", &[KEY], r#"{"id":"9","pk":"a"}"#, 403),
            ("POST", "DOCS", &[KEY, BATCH], "[]", 403),
            ("PUT", "DOCS/1", &[KEY], r#"{"id":"1","pk":"a"}"#, 403),
            ("PATCH", "DOCS/1", &[KEY], r#"{"operations":[]}"#, 403),
            ("DELETE", "DOCS/1", &[KEY], "", 403),
            ("POST", "/dbs/d/colls/c/operations/partitionkeydelete", &[KEY], "", 403),
            ("DELETE", container, &[], "", 403),
            ("PUT", container, &[], SIMPLE, 403),
            ("POST", "/dbs/d/colls/c/udfs", &[], r#"{"id":"t","body":"function () {}"}"#, 403),
            // The headers of queries do not make a write anything else.
            ("DELETE", "DOCS/1", &[KEY, QUERY, PLAN], "", 403),
            ("PUT", "DOCS/1", &[KEY, QUERY, PLAN], r#"{"id":"1","pk":"a"}"#, 403),
            ("POST", "/dbs/d/colls/c/udfs", &[PLAN], r#"{"id":"t","body":"function () {}"}"#, 403),
        ],
    );
}

#[test]
fn a_token_for_everything_covers_the_container_and_what_is_in_it() {
    let sender = account(&VirtualClock::new());
    let permission = json!({ "id": "p", "permissionMode": "All", "resource": "dbs/d/colls/c" });
    let token = permit(&sender, &permission);
    check(&sender, &token, OWNERS);
    check(
        &sender,
        &token,
        &[
            ("POST", "DOCS", &[KEY], r#"{"id":"9","pk":"a"}"#, 201),
            ("PUT", "DOCS/9", &[KEY], r#"{"id":"9","pk":"a"}"#, 200),
            ("DELETE", "DOCS/9", &[KEY], "", 204),
            ("POST", "/dbs/d/colls/c/udfs", &[], r#"{"id":"t","body":"function () {}"}"#, 201),
            ("POST", "/dbs/d/colls/c/operations/partitionkeydelete", &[KEY], "", 200),
            ("DELETE", "/dbs/d/colls/c", &[], "", 204),
        ],
    );
}

#[test]
fn a_token_for_one_partition_key_keeps_to_it() {
    let sender = account(&VirtualClock::new());
    let permission = json!({
        "id": "p", "permissionMode": "All", "resource": "dbs/d/colls/c", "resourcePartitionKey": ["a"],
    });
    let token = permit(&sender, &permission);
    check(&sender, &token, OWNERS);
    let batch = r#"[{"operationType":"Read","id":"1","partitionKey":"[\"b\"]"}]"#;
    check(
        &sender,
        &token,
        &[
            ("GET", "/dbs/d/colls/c", &[], "", 200),
            ("GET", "/dbs/d/colls/c/pkranges", &[], "", 200),
            ("POST", "DOCS", &[QUERY, PLAN], ALL, 200),
            ("GET", "DOCS/1", &[KEY], "", 200),
            ("POST", "DOCS", &[KEY], r#"{"id":"9","pk":"a"}"#, 201),
            ("POST", "DOCS", &[QUERY, KEY], ALL, 200),
            ("GET", "DOCS", &[KEY], "", 200),
            ("GET", "DOCS", &[KEY, ("a-im", "Incremental feed")], "", 200),
            ("GET", "DOCS/1", &[OTHER_KEY], "", 403),
            ("GET", "DOCS/1", &[], "", 403),
            ("POST", "DOCS", &[OTHER_KEY], r#"{"id":"9","pk":"b"}"#, 403),
            ("POST", "DOCS", &[QUERY, OTHER_KEY], ALL, 403),
            ("POST", "DOCS", &[QUERY], ALL, 403),
            ("POST", "DOCS", &[QUERY, ("x-ms-documentdb-partitionkeyrangeid", "0")], ALL, 403),
            ("GET", "DOCS", &[], "", 403),
            ("GET", "DOCS", &[PLAN], "", 403),
            ("POST", "DOCS", &[BATCH, KEY], batch, 403),
            ("POST", "/dbs/d/colls/c/operations/partitionkeydelete", &[OTHER_KEY], "", 403),
            ("POST", "/dbs/d/colls/c/udfs", &[KEY], r#"{"id":"t","body":"function () {}"}"#, 403),
            ("DELETE", "/dbs/d/colls/c", &[KEY], "", 403),
        ],
    );
    let answer = sender.send_with(&token, ("POST", ITEMS), &[QUERY, KEY], ALL);
    let keys: Vec<_> =
        read(&answer)["Documents"].as_array().unwrap().iter().map(|it| it["pk"].clone()).collect();
    assert_eq!(keys, ["a", "a", "a"]);
}

#[test]
fn a_token_for_an_item_or_a_script_is_for_that_alone() {
    let sender = account(&VirtualClock::new());
    let item = read(&sender.send("GET", &format!("{ITEMS}/1"), &[KEY], b""));
    let (by_name, by_self) = ("dbs/d/colls/c/docs/1", item["_self"].as_str().unwrap());
    let rid_path = format!("/{}", by_self.trim_end_matches('/'));
    for (number, resource) in [by_name, by_self].into_iter().enumerate() {
        let permission = json!({
            "id": number.to_string(), "permissionMode": "All", "resource": resource,
            "resourcePartitionKey": ["a"],
        });
        let token = permit(&sender, &permission);
        check(&sender, &token, OWNERS);
        check(
            &sender,
            &token,
            &[
                ("GET", "DOCS/1", &[KEY], "", 200),
                ("GET", &rid_path, &[KEY], "", 200),
                ("PUT", "DOCS/1", &[KEY], r#"{"id":"1","pk":"a"}"#, 200),
                ("GET", "DOCS/1", &[OTHER_KEY], "", 403),
                ("GET", "DOCS/2", &[KEY], "", 403),
                ("GET", "DOCS", &[KEY], "", 403),
                ("POST", "DOCS", &[QUERY, KEY], ALL, 403),
                ("POST", "DOCS", &[KEY, UPSERT], r#"{"id":"1","pk":"a"}"#, 403),
                ("GET", "/dbs/d/colls/c", &[], "", 403),
            ],
        );
    }
    let script = "dbs/d/colls/c/udfs/s";
    let token =
        permit(&sender, &json!({ "id": "s", "permissionMode": "Read", "resource": script }));
    check(
        &sender,
        &token,
        &[
            ("GET", "/dbs/d/colls/c/udfs/s", &[], "", 200),
            ("DELETE", "/dbs/d/colls/c/udfs/s", &[], "", 403),
            ("GET", "/dbs/d/colls/c/sprocs/s", &[], "", 403),
            ("GET", "/dbs/d/colls/c/udfs", &[], "", 403),
        ],
    );
}

#[test]
fn names_and_resource_ids_are_of_one_resource() {
    let sender = account(&VirtualClock::new());
    let link = read(&sender.send("GET", "/dbs/d/colls/c", &[], b""))["_self"].clone();
    let path = format!("/{}", link.as_str().unwrap());
    let token = permit(&sender, &json!({ "id": "p", "permissionMode": "Read", "resource": link }));
    check(
        &sender,
        &token,
        &[("GET", &path, &[], "", 200), ("GET", "/dbs/d/colls/c", &[], "", 200)],
    );
}

#[test]
fn tokens_run_out_when_it_was_said() {
    let clock = VirtualClock::new();
    let sender = account(&clock);
    let permission = json!({ "id": "p", "permissionMode": "Read", "resource": "dbs/d/colls/c" });
    let an_hour = permit(&sender, &permission);
    let path = format!("{PERMISSIONS}/p");
    let expiry =
        |seconds| sender.send("GET", &path, &[("x-ms-documentdb-expiry-seconds", seconds)], b"");
    let shortest = token(&read(&expiry("10")));
    let longest = token(&read(&expiry("86400")));
    for seconds in ["9", "86401", "-1", "soon"] {
        assert_eq!(expiry(seconds).status(), 400, "{seconds}");
    }
    for (advance, valid) in [
        (9, [true, true, true]),
        (1, [false, true, true]),
        (3589, [false, true, true]),
        (1, [false, false, true]),
        (82_799, [false, false, true]),
        (1, [false, false, false]),
    ] {
        clock.advance(Duration::from_secs(advance));
        for (token, valid) in [&shortest, &an_hour, &longest].into_iter().zip(valid) {
            let status = if valid { 200 } else { 403 };
            check(&sender, token, &[("GET", "DOCS/1", &[KEY], "", status)]);
        }
    }
    let refused = sender.send_with(&longest, ("GET", "/"), &[], "");
    assert!(String::from_utf8_lossy(refused.body()).contains("token expiry time"));
}

#[test]
fn a_token_ends_with_its_permission_and_follows_its_changes() {
    let sender = account(&VirtualClock::new());
    let permission = json!({ "id": "p", "permissionMode": "All", "resource": "dbs/d/colls/c" });
    let token = permit(&sender, &permission);
    let write: Case<'_> = ("POST", "DOCS", &[KEY, UPSERT], r#"{"id":"1","pk":"a"}"#, 200);
    check(&sender, &token, &[write]);
    let path = format!("{PERMISSIONS}/p");
    let weaker = json!({ "id": "p", "permissionMode": "Read", "resource": "dbs/d/colls/c" });
    assert_eq!(sender.send("PUT", &path, &[], weaker.to_string().as_bytes()).status(), 200);
    check(
        &sender,
        &token,
        &[("GET", "DOCS/1", &[KEY], "", 200), (write.0, write.1, write.2, write.3, 403)],
    );
    assert_eq!(sender.send("DELETE", &path, &[], b"").status(), 204);
    check(&sender, &token, &[("GET", "DOCS/1", &[KEY], "", 403)]);
}

#[test]
fn tokens_that_the_account_did_not_make_are_refused() {
    let sender = account(&VirtualClock::new());
    let permission = json!({ "id": "p", "permissionMode": "All", "resource": "dbs/d/colls/c" });
    let token = permit(&sender, &permission);
    let (start, end) = token.split_once(';').unwrap();
    for token in [
        format!("{start};QUFBQQ==;"),
        format!("type=resource&ver=1&sig=QUFBQQ==;{end}"),
        "type=resource&ver=1&sig=".to_owned(),
        "type=resource".to_owned(),
    ] {
        check(&sender, &token, &[("GET", "DOCS/1", &[KEY], "", 401)]);
    }
}
