//! Helpers that call functions by their text, and what holds for every function.

use std::time::SystemTime;

use super::*;
use crate::emulator::sql::value::Object;

#[test]
fn names_are_found_in_any_case_and_occur_once() {
    assert_eq!(lookup("is_ARRAY").unwrap().name, "IS_ARRAY");
    assert!(lookup("IS_NOT_THERE").is_none());
    let mut names: Vec<_> = all().map(|it| it.name.to_ascii_uppercase()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// The value of `NAME(arguments)`, the arguments in JSON, `undefined` allowed at the top level.
pub(super) fn call(name: &str, arguments: &str) -> Value {
    let function = lookup(name).unwrap_or_else(|| panic!("no function {name}"));
    let arguments = read_arguments(arguments);
    assert!(arguments.len() >= function.min, "{name}: too few arguments");
    assert!(function.max.is_none_or(|max| arguments.len() <= max), "{name}: too many");
    (function.eval)(&arguments, &Environment::bare(SystemTime::UNIX_EPOCH))
}

/// Checks rows of a call such as `ABS(-1)` and its result as JSON, or `undefined`.
pub(super) fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let (name, rest) = text.split_once('(').unwrap();
        let actual = call(name, rest.strip_suffix(')').unwrap());
        let actual = if actual.is_undefined() { "undefined".into() } else { actual.to_json() };
        assert_eq!(actual, *expected, "{text}");
    }
}

/// Like [`check`], for numbers that need not agree in the last digits.
pub(super) fn check_about(rows: &[(&str, f64)], tolerance: f64) {
    for (text, expected) in rows {
        let (name, rest) = text.split_once('(').unwrap();
        let actual = call(name, rest.strip_suffix(')').unwrap()).as_f64().unwrap();
        let error = (actual - expected).abs() / expected.abs().max(1e-300);
        assert!(error <= tolerance, "{text}: {actual} is not {expected}");
    }
}

/// Arguments in JSON, where `undefined` may stand in lists.
pub(super) fn read_arguments(text: &str) -> Vec<Value> {
    const MARK: &str = "\u{1}undefined";
    let marked = text.replace("undefined", "\"\\u0001undefined\"");
    let values = Value::from_json(format!("[{marked}]").as_bytes()).unwrap();
    values.as_array().unwrap().iter().map(|value| restore(value, MARK)).collect()
}

fn restore(value: &Value, mark: &str) -> Value {
    match value {
        Value::String(text) if &**text == mark => Value::Undefined,
        Value::Array(elements) => {
            Value::array(elements.iter().map(|element| restore(element, mark)).collect())
        }
        _ => value.clone(),
    }
}

/// Pseudo-random values: the same in every run.
struct Generator(u64);

const NUMBERS: &[&str] = &[
    "0",
    "-0.0",
    "1",
    "-1",
    "2",
    "7",
    "0.5",
    "-2.5",
    "1e-320",
    "1e300",
    "-1e300",
    "10000",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "4294967296",
    "180",
    "-90",
];

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "ab",
    "abcabc",
    "日本語🚀",
    "ſßİ",
    "yyyy",
    "mm",
    "d",
    "ns",
    "mcs",
    "2024-02-29",
    "0001-01-01T00:00:00.0000000Z",
    "9999-12-31T23:59:59.9999999Z",
    "1600-12-31",
    "2023-01-01T00:00:00Z",
    "(a|b)*c",
    "[",
    "(",
    "a{1000000}",
    "\\w+",
    "ismx",
    "[1,[2,{\"a\":null}]]",
    "{\"a\":1}",
    "null",
    "1e5",
    "yyyy-MM-dd'T'HH:mm:ss.fffffffF tt\\",
    "Point",
    "Polygon",
    "MultiPolygon",
    "LineString",
    "cosine",
];

impl Generator {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.next() % choices.len()]
    }

    fn number(&mut self) -> Value {
        match self.next() % 4 {
            0 => Value::from(self.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
            1 => Value::from((self.next() % 4000) as f64 / 10.0 - 200.0),
            2 => Value::from(self.next() as i64),
            _ => Value::from_json(self.pick(NUMBERS).as_bytes()).unwrap(),
        }
    }

    fn text(&mut self) -> Value {
        let text = self.pick(TEXTS);
        Value::from(if self.next().is_multiple_of(8) {
            text.repeat(self.next() % 3000)
        } else {
            text.into()
        })
    }

    fn list(&mut self, depth: usize) -> Value {
        let length = self.next() % 6;
        let same = self.next() % 3;
        Value::array(
            (0..length)
                .map(|_| match same {
                    0 => self.number(),
                    1 => self.text(),
                    _ => self.value(depth),
                })
                .collect(),
        )
    }

    fn geometry(&mut self) -> Value {
        let kind = self.pick(&["Point", "LineString", "Polygon", "MultiPolygon"]);
        let mut place = || {
            let (x, y) = (self.next() % 73, self.next() % 37);
            Value::array(vec![
                Value::from(x as f64 * 5.0 - 180.0),
                Value::from(y as f64 * 5.0 - 90.0),
            ])
        };
        let mut ring: Vec<_> = (0..5).map(|_| place()).collect();
        ring.push(ring[0].clone());
        let coordinates = match kind {
            "Point" => place(),
            "LineString" => Value::array(ring),
            "Polygon" => Value::array(vec![Value::array(ring)]),
            _ => Value::array(vec![Value::array(vec![Value::array(ring)])]),
        };
        Value::from(Object::from_iter([("type", Value::from(kind)), ("coordinates", coordinates)]))
    }

    fn object(&mut self, depth: usize) -> Value {
        let names =
            ["type", "coordinates", "term", "distance", "_rid", "distanceFunction", "k", ""];
        let length = self.next() % 4;
        let entries = (0..length).map(|_| (self.pick(&names), self.value(depth)));
        Value::from(entries.collect::<Object>())
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.next() % 12 {
            0 => Value::Undefined,
            1 => Value::Null,
            2 => Value::Bool(self.next().is_multiple_of(2)),
            3..=5 => self.number(),
            6..=8 => self.text(),
            9 => self.geometry(),
            _ if depth == 0 => Value::array(Vec::new()),
            10 => self.object(depth - 1),
            _ => self.list(depth - 1),
        }
    }
}

#[test]
fn no_function_panics_or_grows_without_bound_whatever_its_arguments() {
    let mut generator = Generator(0x9E37_79B9_7F4A_7C15);
    let environment = Environment::bare(SystemTime::UNIX_EPOCH);
    for function in all() {
        for _ in 0..400 {
            let most = function.max.unwrap_or(function.min + 3);
            let count = function.min + generator.next() % (most - function.min + 1);
            let args: Vec<_> = (0..count).map(|_| generator.value(3)).collect();
            let size: usize = args.iter().map(|it| it.to_json().len()).sum();
            let result = (function.eval)(&args, &environment).to_json();
            let bound = 8 * size + 5 * 1024 * 1024;
            assert!(
                result.len() <= bound,
                "{} made {} bytes of {size}",
                function.name,
                result.len()
            );
        }
    }
}

#[test]
fn undefined_arguments_lead_to_undefined_but_for_the_functions_that_ask_for_it() {
    let environment = Environment::bare(SystemTime::UNIX_EPOCH);
    for function in all().filter(|it| it.min > 0 && !it.name.starts_with("IS_")) {
        let args = vec![Value::Undefined; function.min];
        assert!((function.eval)(&args, &environment).is_undefined(), "{}", function.name);
    }
}
