//! Writes with triggers.

use super::super::support::header;
use super::*;

const PRE: &str = "x-ms-documentdb-pre-trigger-include";
const POST: &str = "x-ms-documentdb-post-trigger-include";
const UPSERT: (&str, &str) = ("x-ms-documentdb-is-upsert", "True");

fn define(sender: &Sender, id: &str, sort: &str, operation: &str, body: &str) {
    let trigger =
        json!({ "id": id, "body": body, "triggerType": sort, "triggerOperation": operation });
    let made = sender.send("POST", TRIGGERS, &[], trigger.to_string().as_bytes());
    assert_eq!(made.status(), 201, "{id}: {}", String::from_utf8_lossy(made.body()));
}

/// An account with triggers for everything.
fn guarded() -> Sender {
    let sender = account();
    for (id, sort, body) in [
        ("stamp", "Pre", "function () { const r = getContext().getRequest(), it = r.getBody(); it.stamp = r.getOperationType(); r.setBody(it); }"),
        ("value", "Pre", "function () { const r = __.request, it = r.getValue('Body'); it.id += 't'; r.setValue('Body', it); }"),
        ("none", "Pre", "function () {}"),
        ("refuse", "Pre", "function () { throw new Error(409, 'not this one'); }"),
        ("check", "Post", "function () {
            const before = __.request.getBody(), after = __.response.getBody();
            if (before.id !== after.id || !after._rid || !after._etag) throw 'mismatch';
        }"),
        ("count", "Post", "function () {
            const operation = __.request.getOperationType();
            __.upsertDocument(__.getSelfLink(), { id: 'last', pk: 'a', operation, id_of: (__.response.getBody() || __.request.getBody()).id });
        }"),
        ("undo", "Post", "function () { throw new Error(4444, 'undone'); }"),
        ("dress", "Post", "function () { const it = __.response.getBody(); it.id += 'dressed'; __.response.setBody(it); }"),
        ("log", "Post", "function () { console.log('after'); }"),
        ("loop", "Post", "function () { for (;;) {} }"),
    ] {
        define(&sender, id, sort, "All", body);
    }
    sender
}

/// Sends a write about the item `1` of the key `a`.
fn write(sender: &Sender, operation: &str, headers: &[(&str, &str)], n: u64) -> Response {
    let body = json!({ "id": "1", "pk": "a", "n": n }).to_string();
    let mut all = vec![KEY];
    all.extend(headers);
    let one = format!("{ITEMS}/1");
    match operation {
        "Create" => sender.send("POST", ITEMS, &all, body.as_bytes()),
        "Upsert" => {
            all.push(UPSERT);
            sender.send("POST", ITEMS, &all, body.as_bytes())
        }
        "Replace" => sender.send("PUT", &one, &all, body.as_bytes()),
        "Patch" => {
            let patch = format!("[{{\"op\":\"set\",\"path\":\"/n\",\"value\":{n}}}]");
            sender.send("PATCH", &one, &all, patch.as_bytes())
        }
        "Delete" => sender.send("DELETE", &one, &all, b""),
        other => panic!("{other}"),
    }
}

#[test]
fn a_pre_trigger_changes_the_body() {
    let sender = guarded();
    for (operation, status) in [("Create", 201), ("Upsert", 200), ("Replace", 200)] {
        let answer = write(&sender, operation, &[(PRE, "stamp")], 1);
        assert_eq!(answer.status().as_u16(), status, "{operation}");
        assert_eq!(json(&answer)["stamp"], operation);
        assert_eq!(json(&read(&sender, "1")), json(&answer));
    }
    let answer = write(&sender, "Create", &[(PRE, "value")], 1);
    assert_eq!(json(&answer)["id"], "1t");
    assert_eq!(header(&answer, "etag"), header(&read(&sender, "1t"), "etag"));
    assert_eq!(ids(&sender), ["1", "1t"]);
}

#[test]
fn a_post_trigger_sees_the_item_and_acts_in_the_same_step() {
    let sender = guarded();
    let mut lsn = 0;
    for operation in ["Create", "Upsert", "Replace", "Patch", "Delete"] {
        let answer = write(&sender, operation, &[(POST, "count")], 1);
        assert!(
            answer.status().is_success(),
            "{operation}: {}",
            String::from_utf8_lossy(answer.body())
        );
        let last = json(&read(&sender, "last"));
        assert_eq!(
            (&last["operation"], &last["id_of"]),
            (&json!(operation), &json!("1")),
            "{operation}"
        );
        let now: u64 = header(&answer, "lsn").unwrap().parse().unwrap();
        assert!(lsn == 0 || now == lsn + 1, "{operation}: {lsn}, then {now}");
        lsn = now;
    }
    assert_eq!(ids(&sender), ["last"]);
}

#[test]
fn both_may_run() {
    let sender = guarded();
    let answer = write(&sender, "Create", &[(PRE, "value"), (POST, "check")], 1);
    assert_eq!((answer.status().as_u16(), &json(&answer)["id"]), (201, &json!("1t")));
}

#[test]
fn a_post_trigger_may_change_the_answer() {
    let sender = guarded();
    let answer = write(&sender, "Create", &[(POST, "dress")], 1);
    assert_eq!(json(&answer)["id"], "1dressed");
    assert_eq!(ids(&sender), ["1"], "not the item");
    let minimal = write(&sender, "Replace", &[(POST, "dress"), ("prefer", "return=minimal")], 2);
    assert!(minimal.body().is_empty());
}

#[test]
fn a_trigger_that_throws_takes_the_write_back() {
    let sender = guarded();
    write(&sender, "Create", &[], 1);
    let before = json(&read(&sender, "1"));
    for (operation, trigger, expected) in [
        ("Upsert", (PRE, "refuse"), (400, 409)),
        ("Replace", (PRE, "refuse"), (400, 409)),
        ("Delete", (PRE, "refuse"), (400, 409)),
        ("Upsert", (POST, "undo"), (400, 4444)),
        ("Replace", (POST, "undo"), (400, 4444)),
        ("Patch", (POST, "undo"), (400, 4444)),
        ("Delete", (POST, "undo"), (400, 4444)),
    ] {
        let (status, sub_status, text) = failure(&write(&sender, operation, &[trigger], 2));
        assert_eq!((status, sub_status), expected, "{operation} {trigger:?}: {text}");
        assert!(text.contains("Encountered exception while executing Javascript."), "{text}");
        assert_eq!(json(&read(&sender, "1")), before, "{operation} {trigger:?}");
    }
    // What the trigger before did goes too, if the write itself is refused.
    define(
        &sender,
        "note",
        "Pre",
        "Create",
        "function () { __.createDocument(__.getSelfLink(), { id: 'note', pk: 'a' }); }",
    );
    assert_eq!(write(&sender, "Create", &[(PRE, "note")], 1).status(), 409);
    assert_eq!(ids(&sender), ["1"]);
}

#[test]
fn a_trigger_has_to_fit_the_write() {
    let sender = guarded();
    define(&sender, "on_delete", "Post", "Delete", "function () {}");
    define(&sender, "on_create", "Pre", "create", "function () {}");
    for (operation, header, text) in [
        ("Create", (PRE, "nobody"), "Trigger 'nobody' does not exist."),
        ("Create", (PRE, "STAMP"), "Trigger 'STAMP' does not exist."),
        ("Create", (PRE, "check"), "trigger type 'Post', and therefore is invalid for 'Pre'"),
        ("Create", (POST, "stamp"), "trigger type 'Pre', and therefore is invalid for 'Post'"),
        (
            "Create",
            (POST, "on_delete"),
            "operation type 'Delete', and therefore is invalid for 'Create'",
        ),
        (
            "Upsert",
            (PRE, "on_create"),
            "operation type 'create', and therefore is invalid for 'Upsert'",
        ),
        ("Create", (PRE, "stamp,none"), "may name one Pre-trigger, not 2"),
    ] {
        let (status, _, told) = failure(&write(&sender, operation, &[header], 1));
        assert_eq!(status, 400, "{header:?}");
        assert!(told.contains(text), "{told}");
    }
    assert!(ids(&sender).is_empty());
    assert_eq!(write(&sender, "Create", &[(PRE, " on_create , "), (POST, "")], 1).status(), 201);
}

#[test]
fn conditions_hold_with_triggers_too() {
    let sender = guarded();
    write(&sender, "Create", &[], 1);
    let etag = header(&read(&sender, "1"), "etag").unwrap().to_owned();
    let other = [(PRE, "stamp"), ("if-match", "\"other\"")];
    assert_eq!(write(&sender, "Replace", &other, 2).status(), 412);
    assert_eq!(write(&sender, "Delete", &other, 2).status(), 412);
    assert_eq!(write(&sender, "Replace", &[(PRE, "stamp"), ("if-match", &etag)], 2).status(), 200);
    assert_eq!(write(&sender, "Create", &[(PRE, "stamp")], 1).status(), 409);
    let (status, sub_status, _) =
        failure(&sender.send("POST", ITEMS, &[KEY, (PRE, "stamp")], br#"{"id":"2","pk":"b"}"#));
    assert_eq!((status, sub_status), (400, 1001));
    assert_eq!(failure(&sender.send("POST", ITEMS, &[KEY, (PRE, "stamp")], b"{")).0, 400);
}

#[test]
fn a_trigger_has_the_same_bounds() {
    let sender = account();
    define(&sender, "x", "Pre", "All", "function () { getContext().getResponse(); }");
    assert!(
        failure(&write(&sender, "Create", &[(PRE, "x")], 1)).2.contains("TypeError"),
        "no response yet"
    );
    define(&sender, "y", "Pre", "All", "function () { __.request.setValue('Test', 1); }");
    assert_eq!(failure(&write(&sender, "Create", &[(PRE, "y")], 1)).1, 400);
    define(&sender, "z", "Pre", "All", "function () { __.filter(() => true); }");
    assert!(failure(&write(&sender, "Create", &[(PRE, "z")], 1)).2.contains("needs a callback"));

    let sender = account_with_timeout(50);
    define(&sender, "loop", "Post", "All", "function () { for (;;) {} }");
    assert_eq!(failure(&write(&sender, "Create", &[(POST, "loop")], 1)).0, 408);
    assert!(ids(&sender).is_empty());
}

#[test]
fn what_a_trigger_logs_is_in_a_header() {
    let sender = guarded();
    let answer = write(&sender, "Create", &[(POST, "log"), LOGGING], 1);
    assert_eq!(header(&answer, "x-ms-documentdb-script-log-results"), Some("after"));
}

#[test]
fn triggers_do_not_run_by_themselves() {
    let sender = guarded();
    define(&sender, "never", "Pre", "All", "function () { throw 1; }");
    assert_eq!(write(&sender, "Create", &[], 1).status(), 201);
}
