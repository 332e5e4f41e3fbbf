//! What scripts have to be when they are stored.

use super::super::support::header;
use super::*;

fn create(sender: &Sender, kind: &str, script: &Value) -> Response {
    sender.send("POST", &format!("/dbs/d/colls/c/{kind}"), &[], script.to_string().as_bytes())
}

#[test]
fn the_body_of_a_script_is_a_function() {
    let sender = account();
    for (body, is_function) in [
        ("function () {}", true),
        ("function named(a, b) { return a; };", true),
        ("(a) => a", true),
        ("async function () {}", true),
        ("// first\nfunction () {} // last", true),
        ("", false),
        ("1", false),
        ("{}", false),
        ("function (", false),
        ("function () { let a; let a; }", false),
        ("method() { return 1; }", false),
        ("function a() {} function b() {}", false),
        ("throw new Error('no')", false),
    ] {
        for kind in ["sprocs", "udfs", "triggers"] {
            let script =
                json!({ "id": "s", "body": body, "triggerType": "Pre", "triggerOperation": "All" });
            let made = create(&sender, kind, &script);
            if is_function {
                assert_eq!(made.status(), 201, "{kind} {body}");
                let path = format!("/dbs/d/colls/c/{kind}/s");
                assert_eq!(sender.send("DELETE", &path, &[], b"").status(), 204);
                continue;
            }
            let (status, sub_status, text) = failure(&made);
            assert_eq!((status, sub_status), (400, 65535), "{kind} {body}: {text}");
            assert!(text.contains("Encountered exception while compiling Javascript."), "{text}");
        }
    }
}

#[test]
fn a_body_that_does_not_end_is_refused_in_time() {
    let sender = account_with_timeout(50);
    let script = json!({ "id": "s", "body": "(() => { for (;;) {} })()" });
    assert_eq!(failure(&create(&sender, "sprocs", &script)).0, 400);
}

#[test]
fn a_replacement_is_checked_too() {
    let sender = account();
    store(&sender, "function () { __.response.setBody(1); }");
    let wrong = json!({ "id": "p", "body": "function (" }).to_string();
    let put = sender.send("PUT", "/dbs/d/colls/c/sprocs/p", &[], wrong.as_bytes());
    assert_eq!(failure(&put).1, 65535);
    let upsert = [("x-ms-documentdb-is-upsert", "True")];
    assert_eq!(failure(&sender.send("POST", SPROCS, &upsert, wrong.as_bytes())).1, 65535);
    assert_eq!(json(&call(&sender, &json!([]))), 1, "what was there is there still");
}

#[test]
fn ids_and_bodies_are_needed() {
    let sender = account();
    for (kind, script, text) in [
        ("sprocs", json!({ "body": "function () {}" }), "'id; '"),
        ("sprocs", json!({ "id": "", "body": "function () {}" }), "'id; '"),
        ("sprocs", json!({ "id": "a/b", "body": "function () {}" }), "invalid character"),
        ("udfs", json!({ "id": "a#", "body": "function () {}" }), "invalid character"),
        ("udfs", json!({ "id": "s" }), "'body; '"),
        ("triggers", json!({ "id": "s", "body": 1 }), "'body; '"),
        (
            "triggers",
            json!({ "id": "s", "body": "function () {}", "triggerOperation": "All" }),
            "'triggerType; '",
        ),
        (
            "triggers",
            json!({ "id": "s", "body": "function () {}", "triggerType": "Pre" }),
            "'triggerOperation; '",
        ),
        (
            "triggers",
            json!({ "id": "s", "body": "function () {}", "triggerType": "Mid", "triggerOperation": "All" }),
            "inputs is invalid",
        ),
        (
            "triggers",
            json!({ "id": "s", "body": "function () {}", "triggerType": "Pre", "triggerOperation": 1 }),
            "inputs is invalid",
        ),
    ] {
        let (status, _, told) = failure(&create(&sender, kind, &script));
        assert_eq!(status, 400, "{script}");
        assert!(told.contains(text), "{script}: {told}");
    }
}

#[test]
fn a_procedure_is_called_by_its_rid_too() {
    let sender = account();
    store(&sender, "function () { __.response.setBody(1); }");
    let own = json(&sender.send("GET", "/dbs/d/colls/c/sprocs/p", &[], b""));
    let path = format!("/{}", own["_self"].as_str().unwrap().trim_end_matches('/'));
    let answer = sender.send_by_rid("POST", &path, &[KEY], b"[]");
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
    assert_eq!(header(&answer, "x-ms-alt-content-path"), Some("dbs/d/colls/c/sprocs/p"));
    assert_eq!(header(&answer, "x-ms-content-path"), own["_rid"].as_str());
}
