//! Regular expressions.

use std::cell::RefCell;

use regex::{Regex, RegexBuilder};

use super::Function;
use super::arguments::{optional, text};
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("RegexMatch", 2..=3, is_match),
    row!("RegexExtract", 2..=3, extract),
    row!("RegexExtractAll", 2..=3, extract_all),
];

/// The most memory that one compiled pattern may take.
const SIZE_LIMIT: usize = 8 << 20;

/// A compiled expression, and the pattern and modifiers that it came from.
struct Compiled {
    pattern: Box<str>,
    modifiers: Box<str>,
    regex: Option<Regex>,
}

thread_local! {
    /// The last expression: a query asks for the same one item after item.
    static LAST: RefCell<Option<Compiled>> = const { RefCell::new(None) };
}

fn is_match(args: &[Value]) -> Option<bool> {
    with_regex(args, |regex, text| Some(regex.is_match(text)))
}

fn extract(args: &[Value]) -> Option<Value> {
    with_regex(args, |regex, text| regex.find(text).map(|it| Value::from(it.as_str())))
}

fn extract_all(args: &[Value]) -> Option<Value> {
    with_regex(args, |regex, text| {
        Some(Value::array(regex.find_iter(text).map(|it| Value::from(it.as_str())).collect()))
    })
}

/// Runs `action` with the expression of the arguments; `None` if that cannot be compiled.
fn with_regex<T>(args: &[Value], action: impl FnOnce(&Regex, &str) -> Option<T>) -> Option<T> {
    let (subject, pattern) = (text(args, 0)?, text(args, 1)?);
    let modifiers = optional(args, 2, "", text)?;
    LAST.with_borrow_mut(|last| {
        let known = last.take_if(|it| *it.pattern == *pattern && *it.modifiers == *modifiers);
        let compiled = last.insert(known.unwrap_or_else(|| Compiled {
            pattern: pattern.into(),
            modifiers: modifiers.into(),
            regex: compile(pattern, modifiers),
        }));
        action(compiled.regex.as_ref()?, subject)
    })
}

fn compile(pattern: &str, modifiers: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT);
    for modifier in modifiers.chars() {
        match modifier {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            _ => return None,
        };
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn expressions_match_anywhere_and_take_modifiers() {
        check(&[
            (r#"RegexMatch("abcd", "ABC")"#, "false"),
            (r#"RegexMatch("abcd", "ABC", "i")"#, "true"),
            (r#"RegexMatch("abcd", "ab.", "")"#, "true"),
            (r#"RegexMatch("abcd", "ab c", "x")"#, "true"),
            (r#"RegexMatch("abcd", "aB c", "ix")"#, "true"),
            (r#"RegexMatch("03a", "[0-9]")"#, "true"),
            (r#"RegexMatch("salt3824908", "salt{1}")"#, "true"),
            (r#"RegexMatch("shame", "s....", "i")"#, "true"),
            (r#"RegexMatch("a\nb", "^b$", "m")"#, "true"),
            (r#"RegexMatch("a\nb", "a.b")"#, "false"),
            (r#"RegexMatch("a\nb", "a.b", "s")"#, "true"),
            (r#"RegexMatch("abcd", "^\\w{1,100}$")"#, "true"),
            (r#"RegexExtract("ab12cd345", "[0-9]+")"#, r#""12""#),
            (r#"RegexExtractAll("ab12cd345", "[0-9]+")"#, r#"["12","345"]"#),
            (r#"RegexExtract("ab", "[0-9]+")"#, "undefined"),
        ]);
    }

    #[test]
    fn what_cannot_be_compiled_is_undefined() {
        check(&[
            (r#"RegexMatch("abcd", "(")"#, "undefined"),
            (r#"RegexMatch("abcd", "a", "g")"#, "undefined"),
            (r#"RegexMatch("abcd", "(a{1000}){1000}")"#, "undefined"),
            (r#"RegexMatch("abcd", "a", 1)"#, "undefined"),
            (r#"RegexMatch(1, "a")"#, "undefined"),
        ]);
    }
}
