//! Calls of stored procedures: what goes in, what comes out, and what is rolled back.

use serde_json::{Value, json};

use super::super::support::{header, json};
use super::*;

#[test]
fn a_call_answers_the_body_that_was_set() {
    let sender = account();
    for (body, arguments, expected) in [
        ("function () { getContext().getResponse().setBody(1); }", json!([]), json!(1)),
        ("function () {}", json!([]), json!("")),
        ("function (a, b) { __.response.setBody(a + b); }", json!([1, 2]), json!(3)),
        (
            "function (o) { __.response.setBody('a' + o.temp); }",
            json!([{ "temp": "so" }]),
            json!("aso"),
        ),
        ("(a) => __.response.setBody([a, arguments.length])", json!([null]), Value::Null),
        (
            "function () { __.response.setBody({ a: undefined, b: [undefined] }); }",
            json!([]),
            json!({ "b": [null] }),
        ),
        ("function () { __.response.setBody(undefined); }", json!([]), Value::Null),
        (
            "function () { for (var i = 0; i < 10; i++) __.response.appendValue('Body', i); }",
            json!([]),
            json!("0123456789"),
        ),
        ("function () { __.response.setBody(1); __.response.appendBody(2); }", json!([]), json!(3)),
        ("function () { x = 1; __.response.setBody(x); }", json!([]), json!(1)),
        (
            "function () { __.response.setBody('é😀\\u2028\\ud800'); }",
            json!([]),
            json!("é😀\u{2028}\u{FFFD}"),
        ),
    ] {
        if body.starts_with('(') {
            // Arrow functions have no arguments of their own.
            assert_eq!(fail(&sender, body, &arguments).0, 400);
        } else {
            assert_eq!(run(&sender, body, &arguments), expected, "{body}");
        }
    }
    store(&sender, "function (...all) { __.response.setBody(all); }");
    let without_body = sender.send("POST", "/dbs/d/colls/c/sprocs/p", &[KEY], b"");
    assert_eq!(json(&without_body), json!([]));
}

#[test]
fn what_a_call_needs_is_checked() {
    let sender = account();
    store(&sender, "function () {}");
    let call = |path: &str, headers: &[(&str, &str)], body: &str| {
        let answer = sender.send("POST", path, headers, body.as_bytes());
        (answer.status().as_u16(), json(&answer)["message"].as_str().unwrap_or_default().to_owned())
    };
    let own = "/dbs/d/colls/c/sprocs/p";
    assert_eq!(call(own, &[KEY], "[]").0, 200);
    assert!(call(own, &[], "[]").1.contains("PartitionKey value must be supplied"));
    for (path, key, body, status) in [
        ("/dbs/d/colls/c/sprocs/q", KEY.1, "[]", 404),
        ("/dbs/d/colls/none/sprocs/p", KEY.1, "[]", 404),
        (own, "[]", "[]", 400),
        (own, r#"["a","b"]"#, "[]", 400),
        (own, KEY.1, "{}", 400),
        (own, KEY.1, "[", 400),
        (own, "[{}]", "[]", 200),
    ] {
        assert_eq!(call(path, &[(KEY.0, key)], body).0, status, "{path} {key} {body}");
    }
}

#[test]
fn a_container_without_a_key_needs_none() {
    let sender = Sender { version: "2018-06-18", ..Sender::new(Emulator::new()) };
    assert_eq!(sender.send("POST", "/dbs", &[], br#"{"id":"d"}"#).status(), 201);
    assert_eq!(sender.send("POST", "/dbs/d/colls", &[], br#"{"id":"c"}"#).status(), 201);
    store(&sender, "function () { __.createDocument(__.getSelfLink(), { id: '1' }); }");
    let answer = sender.send("POST", "/dbs/d/colls/c/sprocs/p", &[], b"[]");
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
    assert_eq!(sender.send("GET", "/dbs/d/colls/c/docs/1", &[], b"").status(), 200);
}

#[test]
fn writes_of_a_call_are_one_step() {
    let sender = account();
    sender.create("0", "a");
    let lsn = |answer: &Response| header(answer, "lsn").unwrap().parse::<u64>().unwrap();
    store(&sender, "function () {}");
    let idle = call(&sender, &json!([]));
    let before = lsn(&idle);
    assert_eq!(lsn(&call(&sender, &json!([]))), before, "a call without writes is no step");
    assert_eq!(header(&idle, "x-ms-request-charge"), Some("4.27"));

    run(
        &sender,
        "function () {
            __.createDocument(__.getSelfLink(), { id: '1', pk: 'a' });
            __.upsertDocument(__.getSelfLink(), { id: '0', pk: 'a', n: 1 });
            __.deleteDocument(__.getAltLink() + '/docs/1');
            __.createDocument(__.getSelfLink(), { id: '1', pk: 'a', n: 2 });
        }",
        &json!([]),
    );
    let answer = call(&sender, &json!([]));
    assert_eq!(answer.status(), 400, "1 is there already");
    store(&sender, "function () { __.createDocument(__.getSelfLink(), { id: '2', pk: 'a' }); }");
    let at = lsn(&call_idle(&sender));
    let written = call(&sender, &json!([]));
    assert_eq!(lsn(&written), at + 1);
    assert!(header(&written, "x-ms-request-charge").unwrap().parse::<f64>().unwrap() > 9.0);
    let token = header(&written, "x-ms-session-token").unwrap();
    let item =
        sender.send("GET", "/dbs/d/colls/c/docs/2", &[KEY, ("x-ms-session-token", token)], b"");
    assert_eq!(item.status(), 200);
    assert_eq!(header(&item, "x-ms-item-lsn"), header(&written, "lsn"));
    assert_eq!(ids(&sender), ["0", "1", "2"]);
}

/// A read of an item, for its headers.
fn call_idle(sender: &Sender) -> Response {
    read(sender, "0")
}

#[test]
fn a_failure_takes_back_everything() {
    let sender = account();
    sender.create("0", "a");
    let etag = header(&read(&sender, "0"), "etag").unwrap().to_owned();
    let writes = "
        __.createDocument(__.getSelfLink(), { id: '1', pk: 'a' });
        __.upsertDocument(__.getSelfLink(), { id: '0', pk: 'a', n: 1 });
        __.deleteDocument(__.getAltLink() + '/docs/0', then);";
    for (name, body, expected) in [
        (
            "thrown after all",
            "function () { function then(err) { throw new Error('no'); } WRITES }",
            (400, 0, "Exception = Error: no"),
        ),
        (
            "with a number",
            "function () { function then(err) { throw new Error(4444, 'no'); } WRITES }",
            (400, 4444, "Exception = Error: no"),
        ),
        (
            "a text",
            "function () { function then(err) { throw 'no'; } WRITES }",
            (400, 0, "Exception = no"),
        ),
        (
            "an error of an operation",
            "function () { function then(err) { __.readDocument(__.getAltLink() + '/docs/none'); } WRITES }",
            (400, 404, "Entity with the specified id does not exist"),
        ),
        (
            "abort",
            "function () { function then(err) { getContext().abort(new Error(7, 'no')); } WRITES }",
            (400, 7, "Exception = Error: no"),
        ),
        (
            "abort that is caught",
            "function () { function then(err) { try { getContext().abort(new Error('no')); } catch (e) {} } WRITES }",
            (400, 0, "Exception = Error: no"),
        ),
        (
            "abort in a promise",
            "function () { const then = () => Promise.resolve().then(() => getContext().abort(new Error('no'))); WRITES }",
            (400, 0, "Exception = Error: no"),
        ),
    ] {
        let (status, sub_status, text) = fail(&sender, &body.replace("WRITES", writes), &json!([]));
        assert_eq!((status, sub_status), (expected.0, expected.1), "{name}: {text}");
        assert!(text.contains(expected.2), "{name}: {text}");
        assert_eq!(ids(&sender), ["0"], "{name}");
        assert_eq!(header(&read(&sender, "0"), "etag"), Some(etag.as_str()), "{name}");
    }
}

#[test]
fn an_error_that_the_callback_takes_is_none() {
    let sender = account();
    sender.create("0", "a");
    let body = "function () {
        __.createDocument(__.getSelfLink(), { id: '0', pk: 'a' }, {}, function (err, made) {
            __.response.setBody([err.number, err.body, err.message === err.body, made === undefined]);
            __.createDocument(__.getSelfLink(), { id: '1', pk: 'a' });
        });
    }";
    let told = "{\"Errors\":[\"Entity with the specified id already exists in the system.\"]}";
    assert_eq!(run(&sender, body, &json!([])), json!([409, told, true, true]));
    assert_eq!(ids(&sender), ["0", "1"]);
}

#[test]
fn the_procedure_of_the_documentation_runs() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/emulator.md"));
    let body = page.split("```js\n").find(|it| it.starts_with("function transfer")).unwrap();
    let body = body.split("```").next().unwrap();
    let sender = account();
    for (id, balance) in [("from", 100), ("to", 1)] {
        let item = json!({ "id": id, "pk": "a", "balance": balance }).to_string();
        assert_eq!(sender.send("POST", ITEMS, &[KEY], item.as_bytes()).status(), 201);
    }
    let balances = || ["from", "to"].map(|it| json(&read(&sender, it))["balance"].clone());
    assert_eq!(run(&sender, body, &json!(["from", "to", 60])), "done");
    assert_eq!(balances(), [40, 61]);
    for (arguments, expected) in
        [(json!(["from", "to", 60]), 402), (json!(["from", "nobody", 1]), 404)]
    {
        assert_eq!(failure(&call(&sender, &arguments)).1, expected);
        assert_eq!(balances(), [40, 61]);
    }
}

#[test]
fn promises_go_on_after_each_operation() {
    let sender = account();
    let body = "function () {
        const create = (id) => new Promise((resolve, reject) =>
            __.createDocument(__.getSelfLink(), { id, pk: 'a' }, (err, it) => err ? reject(err) : resolve(it.id)));
        async function all() { return [await create('1'), await create('2'), await create('1').catch((it) => it.number)]; }
        all().then((it) => __.response.setBody(it));
    }";
    assert_eq!(run(&sender, body, &json!([])), json!(["1", "2", 409]));
    assert_eq!(ids(&sender), ["1", "2"]);
    // The service does not hear of promises that nobody waits for.
    let body = "function () { __.createDocument(__.getSelfLink(), { id: '3', pk: 'a' }); Promise.reject(new Error('no')); }";
    assert_eq!(run(&sender, body, &json!([])), json!(""));
    assert_eq!(ids(&sender), ["1", "2", "3"]);
}

#[test]
fn a_call_sees_and_writes_one_partition_key() {
    let sender = account();
    sender.create("1", "a");
    sender.create("2", "b");
    let body = "function () {
        __.readDocuments(__.getSelfLink(), (err, docs) => {
            __.readDocument(__.getAltLink() + '/docs/2', (err) => __.response.setBody([docs.map((it) => it.id), err.number]));
        });
    }";
    assert_eq!(run(&sender, body, &json!([])), json!([["1"], 404]));
    let body = "function () { __.createDocument(__.getSelfLink(), { id: '3', pk: 'b' }); }";
    let (status, sub_status, text) = fail(&sender, body, &json!([]));
    assert_eq!((status, sub_status), (400, 400));
    assert!(text.contains("partition keys other than the one"), "{text}");
}

#[test]
fn the_stack_names_the_procedure_and_its_lines() {
    let sender = account();
    let (_, _, text) = fail(
        &sender,
        "function main() {\n  inner();\n  function inner() { throw new Error('no'); }\n}",
        &json!([]),
    );
    assert!(text.contains("Exception = Error: no\\r\\nStack trace: Error: no\\n"), "{text}");
    assert!(text.contains("at inner (p:4:"), "{text}");
    assert!(!text.contains("api/"), "{text}");
}

#[test]
fn a_log_is_in_a_header_when_it_is_asked_for() {
    let sender = account();
    store(
        &sender,
        "function (fails) {
            console.log('The value of %s is %s%%.', 'x', 1);
            console.log(' é/\\n');
            console.log({});
            if (fails) throw new Error('no');
        }",
    );
    let log = |headers: &[(&str, &str)], body: &[u8]| {
        let answer = sender.send("POST", "/dbs/d/colls/c/sprocs/p", headers, body);
        header(&answer, "x-ms-documentdb-script-log-results").map(str::to_owned)
    };
    let expected = "The%20value%20of%20x%20is%201%25.%20%C3%A9%2F%0A%5Bobject%20Object%5D";
    assert_eq!(log(&[KEY, LOGGING], b"[]").as_deref(), Some(expected));
    assert_eq!(log(&[KEY, LOGGING], b"[true]").as_deref(), Some(expected));
    assert_eq!(log(&[KEY], b"[]"), None);
}
