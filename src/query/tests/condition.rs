//! Evaluates the conditions that the client writes into ordered queries.

use std::cmp::Ordering;

use serde_json::Value;

use super::fake::compare_values;

/// What stands between the marks in the text of an ordered query.
pub(crate) fn of(text: &str) -> Option<&str> {
    text.split_once("WHERE (")?.1.rsplit_once(") END").map(|it| it.0)
}

/// Whether an item fulfils a condition over `c.name` expressions.
pub(crate) fn holds(condition: &str, item: &Value) -> bool {
    let mut parser = Parser { rest: condition, item };
    let result = parser.any();
    assert_eq!(parser.rest.trim(), "", "all of {condition} is understood");
    result
}

struct Parser<'a> {
    rest: &'a str,
    item: &'a Value,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> bool {
        let mut result = self.all();
        while self.eat("OR ") {
            result |= self.all();
        }
        result
    }

    fn all(&mut self) -> bool {
        let mut result = self.one();
        while self.eat("AND ") {
            result &= self.one();
        }
        result
    }

    fn one(&mut self) -> bool {
        if self.eat("NOT ") {
            return !self.one();
        }
        if self.eat("true") {
            return true;
        }
        if self.eat("false") {
            return false;
        }
        if self.eat("(") {
            let result = self.any();
            assert!(self.eat(")"));
            return result;
        }
        if self.rest.trim_start().starts_with("IS_") {
            return self.check_type();
        }
        self.comparison()
    }

    fn check_type(&mut self) -> bool {
        let (name, rest) = self.rest.trim_start().split_once('(').unwrap();
        self.rest = rest;
        let value = self.property();
        assert!(self.eat(")"));
        match name {
            "IS_DEFINED" => value.is_some(),
            "IS_NULL" => value.is_some_and(Value::is_null),
            "IS_BOOLEAN" => value.is_some_and(Value::is_boolean),
            "IS_NUMBER" => value.is_some_and(Value::is_number),
            "IS_STRING" => value.is_some_and(Value::is_string),
            "IS_ARRAY" => value.is_some_and(Value::is_array),
            "IS_OBJECT" => value.is_some_and(Value::is_object),
            other => panic!("{other} is no check of a type"),
        }
    }

    /// Values of different types compare to undefined, which is not true.
    fn comparison(&mut self) -> bool {
        let value = self.property();
        let operators = ["<=", ">=", "<", ">", "="];
        let operator = operators.into_iter().find(|it| self.eat(it)).unwrap();
        let literal = self.literal();
        let same_type =
            value.is_some_and(|it| std::mem::discriminant(it) == std::mem::discriminant(&literal));
        let found = compare_values(value.filter(|_| same_type), Some(&literal));
        same_type
            && match operator {
                "<=" => found != Ordering::Greater,
                ">=" => found != Ordering::Less,
                "<" => found == Ordering::Less,
                ">" => found == Ordering::Greater,
                _ => found == Ordering::Equal,
            }
    }

    fn literal(&mut self) -> Value {
        let text = self.rest.trim_start();
        let mut ends = text.match_indices([' ', ')', '"']).map(|it| it.0);
        let (end, value) = ends
            .find_map(|end| {
                let end = end + usize::from(text[end..].starts_with('"'));
                serde_json::from_str(&text[..end]).ok().map(|value| (end, value))
            })
            .unwrap();
        self.rest = &text[end..];
        value
    }

    fn property(&mut self) -> Option<&'a Value> {
        assert!(self.eat("c."), "a property at {}", self.rest);
        let end = self.rest.find(|it: char| !it.is_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.item.get(name)
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.trim_start().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
