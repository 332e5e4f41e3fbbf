//! How much room a value takes as JSON.

use std::sync::Arc;

use super::value::{Number, Value};

/// What is to know about a row before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// The most bytes that its JSON text takes. Only doubles are estimated.
    pub(super) bytes: usize,
    /// Whether all its numbers can be written as JSON.
    pub(super) finite: bool,
}

/// Measures a value without writing it.
pub(super) fn measure(value: &Value) -> Measure {
    let mut measure = Measure { bytes: 0, finite: true };
    measure.add(value);
    measure
}

impl Measure {
    /// The measure of a row that is the item itself, whose size is known.
    pub(super) fn of_item(row: &Value, item: &Value, size: usize) -> Option<Self> {
        match (row, item) {
            (Value::Object(row), Value::Object(item)) if Arc::ptr_eq(row, item) => {
                Some(Self { bytes: size, finite: true })
            }
            _ => None,
        }
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Undefined | Value::Null => self.bytes += 4,
            Value::Bool(flag) => self.bytes += if *flag { 4 } else { 5 },
            Value::Number(number) => self.add_number(*number),
            Value::String(text) => self.add_string(text),
            Value::Array(elements) => {
                self.bytes += 2 + elements.len().saturating_sub(1);
                elements.iter().for_each(|element| self.add(element));
            }
            Value::Object(object) => {
                self.bytes += 2 + object.len().saturating_sub(1);
                for (name, member) in object.iter() {
                    self.add_string(name);
                    self.bytes += 1;
                    self.add(member);
                }
            }
        }
    }

    fn add_number(&mut self, number: Number) {
        let (digits, sign) = match number {
            Number::Int(value) => (digits(value.unsigned_abs()), usize::from(value < 0)),
            Number::UInt(value) => (digits(value), 0),
            // Seventeen digits, sign, point and exponent.
            Number::Float(_) => (24, 0),
        };
        self.bytes += digits + sign;
        self.finite &= number.is_finite();
    }

    fn add_string(&mut self, text: &str) {
        let escapes = text.bytes().map(|byte| match byte {
            b'"' | b'\\' | 8 | 9 | 10 | 12 | 13 => 1,
            0..=0x1f => 5,
            _ => 0,
        });
        self.bytes += 2 + text.len() + escapes.sum::<usize>();
    }
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measure_is_the_length_of_the_text() {
        for text in [
            "null",
            "false",
            "-120",
            "18446744073709551615",
            "[]",
            "[1,[2],{}]",
            r#"{"a":"é\u0001\"\n","b":[true,null]}"#,
        ] {
            let value = Value::from_json(text.as_bytes()).unwrap();
            assert_eq!(measure(&value).bytes, value.to_json().len(), "{text}");
        }
        let infinite = Value::array(vec![Value::array(vec![Value::from(f64::INFINITY)])]);
        assert!(!measure(&infinite).finite);
        assert!(measure(&Value::from(-2.2250738585072014e-308)).bytes >= 24);
    }
}
