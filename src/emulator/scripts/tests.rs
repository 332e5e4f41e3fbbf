//! What the engine does with values and with scripts that do not behave.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Engine, Host, Limits, Session};
use crate::emulator::sql::value::{Object, Value};

const IDENTITY: &str = "function (x) { return x; }";

fn limits(millis: u64) -> Limits {
    Limits::of(Duration::from_millis(millis))
}

fn run(body: &str, args: &[Value]) -> Result<Value, String> {
    Engine::new(limits(5000)).unwrap().call("f", body, args)
}

fn parse(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

#[test]
fn values_go_in_and_come_out_unchanged() {
    for json in [
        "null",
        "true",
        "0",
        "-1.5",
        "1E+300",
        "9007199254740991",
        "\"\"",
        "\"a\\u0000\\\"é😀\"",
        "[]",
        "[1,[null,{}]]",
        "{\"b\":1,\"a\":{\"__proto__\":{\"x\":[2]}}}",
    ] {
        assert_eq!(run(IDENTITY, &[parse(json)]), Ok(parse(json)), "{json}");
    }
    assert_eq!(run(IDENTITY, &[Value::Undefined]), Ok(Value::Undefined));
    assert_eq!(run(IDENTITY, &[]), Ok(Value::Undefined));
}

#[test]
fn integers_become_doubles_in_scripts() {
    let large = run(IDENTITY, &[parse("9007199254740993")]).unwrap();
    assert_eq!(large.as_f64(), Some(9_007_199_254_740_992.0));
}

#[test]
fn values_that_json_does_not_have_come_out_as_json_writes_them() {
    for (body, json) in [
        ("function () { return [undefined, () => 1, NaN, 1 / 0]; }", "[null,null,null,null]"),
        ("function () { return { a: undefined, b: Symbol(), c: 1 }; }", "{\"c\":1}"),
        ("function () { return new Date(0); }", "\"1970-01-01T00:00:00.000Z\""),
        ("function () { return NaN; }", "null"),
        ("function () { return '\\ud800'; }", "\"\u{FFFD}\""),
    ] {
        assert_eq!(run(body, &[]), Ok(parse(json)), "{body}");
    }
    for body in ["function () { return Symbol(); }", "function () { return Math.max; }"] {
        assert_eq!(run(body, &[]), Ok(Value::Undefined), "{body}");
    }
}

#[test]
fn bodies_have_many_forms() {
    for body in [
        "function f(x) { return x + 1; }",
        "  function (x) { return x + 1; } ; ",
        "function (x) { return x + 1; } // adds one",
        "(x) => x + 1",
        "// adds one\nfunction f(x) { return x > 40 ? x + 1 : f(x); }",
    ] {
        assert_eq!(run(body, &[parse("41")]), Ok(parse("42")), "{body}");
    }
}

#[test]
fn a_function_is_compiled_once_and_keeps_its_globals() {
    let mut engine = Engine::new(limits(5000)).unwrap();
    let count = "function () { return globalThis.n = (globalThis.n || 0) + 1; }";
    assert_eq!(engine.call("count", count, &[]), Ok(parse("1")));
    assert_eq!(engine.call("count", "no longer read", &[]), Ok(parse("2")));
    assert_eq!(engine.functions.len(), 1);
}

#[test]
fn what_is_thrown_is_told() {
    for (body, text) in [
        ("function () { throw new Error('boom'); }", "Error: boom"),
        ("function () { throw 'text'; }", "text"),
        ("function () { throw undefined; }", "undefined"),
        ("function () { return missing; }", "ReferenceError: missing is not defined"),
        ("function () { throw Symbol(); }", "an exception without a text"),
        ("function () { throw { toString() { throw 1; } }; }", "an exception without a text"),
        ("function () { const a = []; a.push(a); return a; }", "TypeError: circular reference"),
    ] {
        assert_eq!(run(body, &[]), Err(text.to_owned()), "{body}");
    }
    for body in ["", "1", "function (", "function () { return 1n; }", "a\0b"] {
        assert!(run(body, &[]).is_err(), "{body}");
    }
}

#[test]
fn a_script_without_end_is_stopped() {
    for body in [
        "function () { for (;;) {} }",
        "function () { for (;;) { try { for (;;) {} } catch (e) {} finally { continue; } } }",
        "function () { return { get a() { for (;;) {} } }; }",
        "function () { return { toJSON() { for (;;) {} } }; }",
        "function () { throw { toString() { for (;;) {} } }; }",
        "function () { return /^(a+)+$/.test('a'.repeat(60) + 'b'); }",
    ] {
        let start = Instant::now();
        let mut engine = Engine::new(limits(50)).unwrap();
        assert!(engine.call("f", body, &[]).is_err(), "{body}");
        assert!(start.elapsed() < Duration::from_secs(3), "{body}");
        assert!(engine.time_left.is_zero(), "{body}");
    }
}

#[test]
fn a_body_nested_without_end_is_refused() {
    for open in ["(", "[", "{a:", "function () { return ", "-", "`${"] {
        assert!(run(&open.repeat(100_000), &[]).is_err(), "{open}");
    }
}

#[test]
fn recursion_and_memory_have_an_end() {
    for body in [
        "function f() { return f() + 1; }",
        "function () { let a = []; for (let i = 0; i < 1e6; i++) { a = [a]; } return a; }",
        "function () { const a = []; for (;;) { a.push('x'.repeat(1000) + a.length); } }",
        "function () { const a = []; for (;;) { a.push({ a: a, f: () => a }); } }",
        "function () { return 'x'.repeat(1e9); }",
        "function () { return new ArrayBuffer(1e9); }",
        "function () { let a = 1; for (let i = 0; i < 300; i++) { a = [a]; } return a; }",
    ] {
        let mut engine = Engine::new(limits(5000)).unwrap();
        let result = engine.call("f", body, &[]);
        assert!(result.is_err(), "{body}");
        // The engine is none the worse for it.
        assert_eq!(engine.call("g", IDENTITY, &[parse("1")]), Ok(parse("1")), "{body}");
    }
}

/// Counts what it is asked to carry out.
struct Counter(usize);

impl Host for Counter {
    fn carry_out(&mut self, _: &str, _: &Value) -> Value {
        self.0 += 1;
        Object::from_iter([("status", Value::from(200_u64))]).into()
    }
}

#[test]
fn a_script_whose_time_is_nearly_over_is_told_so() {
    let setup = r#"{"selfLink":"s","altLink":"a","headers":{},"role":"procedure","maxBody":99,"maxLog":99}"#;
    let body = "function () { getContext().getResponse().setBody(__.deleteDocument('s/docs/1')); }";
    for (last_call, expected) in [(Duration::ZERO, false), (Duration::from_secs(600), true)] {
        let host = Rc::new(RefCell::new(Counter(0)));
        let setup = parse(setup).as_object().cloned().unwrap();
        let arguments = Value::array(Vec::new());
        let session = Session { id: "p", body, setup, arguments: &arguments };
        let limits = Limits { last_call, ..limits(600_000) };
        let bodies = session.run(&host, limits).outcome.unwrap();
        assert_eq!(bodies.response, Some(expected.into()), "{last_call:?}");
        assert_eq!(host.borrow().0, usize::from(expected));
    }
}
