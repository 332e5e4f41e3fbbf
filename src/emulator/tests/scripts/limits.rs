//! Scripts that want too much.

use std::time::Instant;

use super::super::support::header;
use super::*;

#[test]
fn a_script_without_end_is_stopped() {
    let sender = account_with_timeout(50);
    sender.create("0", "a");
    for body in [
        "function () { __.createDocument(__.getSelfLink(), { id: '1', pk: 'a' }, () => { for (;;) {} }); }",
        "function () { for (;;) { try { for (;;) {} } catch (e) {} } }",
        "function () { const again = () => Promise.resolve().then(again); again(); }",
        "function () { __.filter(() => { for (;;) {} }, () => {}); }",
        "function () { __.response.setBody({ toJSON() { for (;;) {} } }); }",
        "function () { __.queryDocuments(__.getSelfLink(), 'SELECT * FROM c', () => { for (;;) {} }); }",
    ] {
        store(&sender, body);
        let start = Instant::now();
        let (status, _, text) = failure(&call(&sender, &json!([])));
        assert_eq!(status, 408, "{body}: {text}");
        assert!(text.contains("exceeded maximum alloted time"), "{text}");
        assert!(start.elapsed() < Duration::from_secs(3), "{body}");
        assert_eq!(ids(&sender), ["0"], "{body}");
    }
    let sender = account_with_timeout(500);
    store(&sender, "function () { console.log('so far'); for (;;) {} }");
    let answer = sender.send("POST", "/dbs/d/colls/c/sprocs/p", &[KEY, LOGGING], b"[]");
    assert_eq!(header(&answer, "x-ms-documentdb-script-log-results"), Some("so%20far"));
}

#[test]
fn so_many_operations_may_wait() {
    let sender = account_with_timeout(60_000);
    let body = "function () {
        let count = 0;
        while (__.readDocument(__.getAltLink() + '/docs/none', () => {})) count++;
        __.response.setBody([count, __.filter(() => true, () => {}).isAccepted, __.chain().value(() => {}).isAccepted]);
    }";
    assert_eq!(run(&sender, body, &json!([])), json!([10000, false, false]));
}

#[test]
fn recursion_and_memory_have_an_end() {
    let sender = account();
    for (body, expected, told) in [
        (
            "function () { const f = () => f() + 1; f(); }",
            400,
            "RangeError: Maximum call stack size exceeded",
        ),
        (
            "function () { const a = []; for (;;) a.push('x'.repeat(1000) + a.length); }",
            403,
            "more memory",
        ),
        (
            "function () { __.readDocuments(__.getSelfLink(), () => { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length); }); }",
            403,
            "more memory",
        ),
        (
            "function () { let a = 1; for (let i = 0; i < 300; i++) a = [a]; __.response.setBody(a); }",
            400,
            "nested too deeply",
        ),
        (
            "function () { const a = []; a.push(a); __.response.setBody(a); }",
            400,
            "TypeError: circular reference",
        ),
        ("function () { for (;;) console.log('x'); }", 400, "too large"),
    ] {
        store(&sender, body);
        let answer = sender.send("POST", "/dbs/d/colls/c/sprocs/p", &[KEY, LOGGING], b"[]");
        let (status, _, text) = failure(&answer);
        assert_eq!(status, expected, "{body}: {text}");
        assert!(text.contains(told), "{body}: {text}");
        // The account is none the worse for it.
        assert_eq!(run(&sender, "function () { __.response.setBody(1); }", &json!([])), 1);
    }
}

#[test]
fn scripts_share_nothing_with_each_other() {
    let sender = account();
    let body = "function () {
        __.response.setBody([typeof globalThis.left, Array.prototype.at.name]);
        globalThis.left = 1;
        Array.prototype.at = () => 1;
        JSON.parse = () => { throw 1; };
        getContext = null;
    }";
    for _ in 0..2 {
        assert_eq!(run(&sender, body, &json!([])), json!(["undefined", "at"]));
    }
}

#[test]
fn nothing_leads_out_of_the_engine() {
    let sender = account();
    let body = "function () {
        const names = ['require', 'process', 'fetch', 'setTimeout', 'std', 'os', 'Deno', 'XMLHttpRequest'];
        __.response.setBody(names.filter((it) => typeof globalThis[it] !== 'undefined'));
    }";
    assert_eq!(run(&sender, body, &json!([])), json!([]));
}
