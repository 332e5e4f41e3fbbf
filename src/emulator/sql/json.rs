//! Values from JSON and to JSON, to the letter as the service writes it.

use std::fmt::Write;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::value::{Number, Object, Value};

/// How many digits an exponent has at least: the service writes two in query answers and three in item answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExponentStyle {
    TwoDigits,
    ThreeDigits,
}

impl Value {
    /// Reads JSON text. Lone surrogates in `\u` escapes become U+FFFD, as the service stores them.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        match replace_lone_surrogates(text) {
            Some(mended) => serde_json::from_slice(&mended),
            None => serde_json::from_slice(text),
        }
    }

    /// Writes compact JSON. Undefined members of objects are left out; undefined elsewhere is `null`.
    pub(crate) fn write_json(&self, style: ExponentStyle, out: &mut String) {
        match self {
            Self::Undefined | Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => number.write(style, out),
            Self::String(text) => write_json_string(text, out),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write_json(style, out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push('{');
                let mut first = true;
                for (name, value) in object.iter().filter(|(_, value)| !value.is_undefined()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    write_json_string(name, out);
                    out.push(':');
                    value.write_json(style, out);
                }
                out.push('}');
            }
        }
    }

    /// Compact JSON as query answers have it.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(ExponentStyle::TwoDigits, &mut out);
        out
    }
}

impl Number {
    /// Writes the number as the service does: the shortest of 15 or 17 significant digits that reads back as itself.
    pub(crate) fn write(self, style: ExponentStyle, out: &mut String) {
        match self {
            Self::Int(value) => push(out, format_args!("{value}")),
            Self::UInt(value) => push(out, format_args!("{value}")),
            Self::Float(value) => write_double(value, style, out),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            object.insert(name, value);
        }
        Ok(Value::from(object))
    }
}

/// Like C's `%.15g` where that reads back as the same number, else `%.17g`.
fn write_double(value: f64, style: ExponentStyle, out: &mut String) {
    if value == 0.0 {
        return out.push('0');
    }
    if !value.is_finite() {
        return out.push_str(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    let mut precision = 15;
    let mut scientific = format!("{value:.14e}");
    if scientific.parse() != Ok(value) {
        precision = 17;
        scientific = format!("{value:.16e}");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision {
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        let digits = exponent.unsigned_abs();
        match style {
            ExponentStyle::TwoDigits => push(out, format_args!("{mantissa}e{sign}{digits:02}")),
            ExponentStyle::ThreeDigits => push(out, format_args!("{mantissa}e{sign}{digits:03}")),
        }
    } else {
        let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
        let plain = format!("{value:.decimals$}");
        out.push_str(if plain.contains('.') {
            plain.trim_end_matches('0').trim_end_matches('.')
        } else {
            &plain
        });
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// A JSON string: non-ASCII as it is, control characters escaped.
pub(crate) fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // What needs no escape, mostly all of it, is taken at a stretch.
    while let Some(index) = rest.bytes().position(|it| matches!(it, ..b' ' | b'"' | b'\\')) {
        let (plain, escaped) = rest.split_at(index);
        out.push_str(plain);
        let mut characters = escaped.chars();
        if let Some(character) = characters.next() {
            write_escape(character, out);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(character: char, out: &mut String) {
    match character {
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\u{1f}' => push(out, format_args!("\\u{:04x}", u32::from(character))),
        _ => out.extend(['\\', character]),
    }
}

/// The text with every `\uD800` to `\uDFFF` escape that is not part of a pair made `\uFFFD`; `None` if there is none.
fn replace_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b'\\') {
        return None;
    }
    let mut mended: Option<Vec<u8>> = None;
    let mut index = 0;
    while index + 1 < text.len() {
        if text[index] != b'\\' {
            index += 1;
        } else if let Some(unit) = escaped_unit(text, index) {
            match unit {
                0xD800..=0xDBFF
                    if matches!(escaped_unit(text, index + 6), Some(0xDC00..=0xDFFF)) =>
                {
                    index += 12;
                }
                0xD800..=0xDFFF => {
                    let copy = mended.get_or_insert_with(|| text.to_vec());
                    copy[index + 2..index + 6].copy_from_slice(b"FFFD");
                    index += 6;
                }
                _ => index += 6,
            }
        } else {
            index += 2;
        }
    }
    mended
}

/// The UTF-16 unit of the escape `\uXXXX` at `index`, if there is one.
fn escaped_unit(text: &[u8], index: usize) -> Option<u16> {
    let escape = text.get(index..index + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_service_writes_them() {
        for (text, expected) in [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("0.1000000000000000055", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("0.3333333333333333", "0.33333333333333331"),
            ("6.2857142857142856", "6.2857142857142856"),
            ("5e-324", "4.94065645841247e-324"),
            ("1e-400", "0"),
            ("9007199254740993", "9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("1e300", "1e+300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("123456.789", "123456.789"),
            ("1e-5", "1e-05"),
        ] {
            assert_eq!(Value::from_json(text.as_bytes()).unwrap().to_json(), expected, "{text}");
        }
        let mut out = String::new();
        Value::from(2f64.powi(64)).write_json(ExponentStyle::ThreeDigits, &mut out);
        assert_eq!(out, "1.8446744073709552e+019");
        assert!(Value::from_json(b"1e400").is_err());
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        for (text, expected) in [
            ("", r#""""#),
            ("plain é🚀", r#""plain é🚀""#),
            ("\"\\/", r#""\"\\/""#),
            ("a\tb\nc\rd\u{8}e\u{c}", r#""a\tb\nc\rd\be\f""#),
            ("\0\u{1f}\u{7f}é\n", "\"\\u0000\\u001f\u{7f}é\\n\""),
        ] {
            let mut out = String::new();
            write_json_string(text, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn objects_keep_their_order_and_lone_surrogates_become_replacement_characters() {
        let text = r#"{"b":1,"a":{"z":null,"y":[true,"\ud83d\ude80 \ud83d \udc00x \\ud83d"]}}"#;
        let value = Value::from_json(text.as_bytes()).unwrap();
        assert_eq!(
            value.to_json(),
            "{\"b\":1,\"a\":{\"z\":null,\"y\":[true,\"🚀 \u{FFFD} \u{FFFD}x \\\\ud83d\"]}}"
        );
    }
}
