//! Cuts a query's text into tokens.

use super::token::{Fault, Token, TokenKind, continues_word, keyword, starts_word};
use super::value::Number;

/// Signs, the longer ones before those that they start with.
const SIGNS: &[&str] = &[
    ">>>", "<<", ">>", "<=", ">=", "<>", "!=", "||", "??", "(", ")", "[", "]", "{", "}", ",", ".",
    ":", "?", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~",
];

/// What the gateway writes where a client has to put its resume filter.
pub(crate) const FILTER_PLACEHOLDER: &str = "{documentdb-formattableorderbyquery-filter}";

/// The tokens of a text, with [`TokenKind::End`] last.
///
/// An invalid token ends the list: it is an error only once the parser comes to it, as an earlier mistake counts first.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, byte: 0, unit: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    loop {
        let token = lexer.next();
        let last = matches!(token.kind, TokenKind::End | TokenKind::Invalid(_));
        tokens.push(token);
        if last {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// The next character, in bytes from the start.
    byte: usize,
    /// The same in UTF-16 units.
    unit: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Token {
        self.skip_blanks();
        let (byte, unit) = (self.byte, self.unit);
        let kind = self.kind();
        Token { kind, span: unit..self.unit, bytes: byte..self.byte }
    }

    fn kind(&mut self) -> TokenKind {
        let rest = self.rest();
        match rest.chars().next() {
            None => TokenKind::End,
            Some(first) if starts_word(first) => self.word(),
            Some('@') => self.parameter(),
            Some(quote @ ('\'' | '"')) => self.string(quote),
            Some('0'..='9') => self.number(),
            Some('.') if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            Some('{') if rest.starts_with(FILTER_PLACEHOLDER) => {
                self.advance(FILTER_PLACEHOLDER.len());
                TokenKind::Placeholder
            }
            Some(other) => self.sign(other),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(is_blank).len();
            let comment = if rest[blank..].starts_with("--") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else {
                0
            };
            self.advance(blank + comment);
            if comment == 0 {
                return;
            }
        }
    }

    fn word(&mut self) -> TokenKind {
        let word = self.take_while(continues_word);
        keyword(word).map_or_else(|| TokenKind::Name(word.into()), TokenKind::Keyword)
    }

    fn parameter(&mut self) -> TokenKind {
        self.advance(1);
        if self.rest().starts_with(starts_word) {
            TokenKind::Parameter(self.take_while(continues_word).into())
        } else {
            TokenKind::Invalid(Fault::Sign)
        }
    }

    fn number(&mut self) -> TokenKind {
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            self.advance(2);
            return self.hexadecimal();
        }
        let start = self.byte;
        self.take_while(|it| it.is_ascii_digit());
        if self.rest().starts_with('.') {
            self.advance(1);
            self.take_while(|it| it.is_ascii_digit());
        }
        let exponent = exponent_length(self.rest());
        self.advance(exponent);
        let written = &self.text[start..self.byte];
        if let Ok(integer) = written.parse::<i64>() {
            return TokenKind::Number(Number::Int(integer));
        }
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => TokenKind::Number(Number::from(number)),
            _ => TokenKind::Invalid(Fault::Number),
        }
    }

    fn hexadecimal(&mut self) -> TokenKind {
        let digits = self.take_while(|it| it.is_ascii_alphanumeric());
        match i64::from_str_radix(digits, 16) {
            Ok(number) => TokenKind::Number(Number::Int(number)),
            Err(_) => TokenKind::Invalid(Fault::Number),
        }
    }

    fn string(&mut self, quote: char) -> TokenKind {
        let body = &self.rest()[1..];
        match unescape(body, quote) {
            Some((value, length)) => {
                self.advance(length + 2);
                TokenKind::String(value.into())
            }
            None => {
                self.advance(self.rest().len());
                TokenKind::Invalid(Fault::String)
            }
        }
    }

    fn sign(&mut self, first: char) -> TokenKind {
        let rest = self.rest();
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.advance(sign.len());
            return TokenKind::Sign(sign);
        }
        self.advance(first.len_utf8());
        TokenKind::Invalid(Fault::Sign)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.byte..]
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !accept(character)).unwrap_or(rest.len());
        self.advance(length);
        &rest[..length]
    }

    /// Goes on by a number of bytes, which has to end between two characters.
    fn advance(&mut self, bytes: usize) {
        let passed = &self.rest()[..bytes];
        self.unit += passed.chars().map(char::len_utf16).sum::<usize>();
        self.byte += bytes;
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// The length of an exponent (`e5`, `E-5`) at the start of the text, or 0.
fn exponent_length(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return 0 };
    let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
    let count = digits.len() - digits.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    if count == 0 { 0 } else { text.len() - digits.len() + count }
}

/// The value of a string literal whose opening quote has been taken off, and how many bytes stand before the closing
/// one; nothing if it does not end or has an escape that does not exist.
fn unescape(body: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut rest = body;
    loop {
        let stop = rest.find([quote, '\\'])?;
        value.push_str(&rest[..stop]);
        let Some(escape) = rest[stop..].strip_prefix('\\') else {
            return Some((value, body.len() - rest.len() + stop));
        };
        rest = push_escape(escape, &mut value)?;
    }
}

/// Decodes the escape at the start of the text, without its backslash, and returns what follows it.
fn push_escape<'a>(escape: &'a str, value: &mut String) -> Option<&'a str> {
    let letter = escape.chars().next()?;
    let after = &escape[letter.len_utf8()..];
    value.push(match letter {
        '\'' | '"' | '\\' | '/' => letter,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return push_unicode(after, value),
        _ => return None,
    });
    Some(after)
}

/// Decodes `XXXX`, or `XXXX\uYYYY` for a surrogate pair; a surrogate alone becomes U+FFFD, as the service stores it.
fn push_unicode<'a>(text: &'a str, value: &mut String) -> Option<&'a str> {
    let (high, after) = unit(text)?;
    let second = after.strip_prefix("\\u").and_then(unit);
    if let (0xD800..=0xDBFF, Some((low @ 0xDC00..=0xDFFF, after))) = (high, second) {
        value.extend(char::decode_utf16([high, low]).map(|it| it.unwrap_or('\u{FFFD}')));
        return Some(after);
    }
    value.push(char::from_u32(u32::from(high)).unwrap_or('\u{FFFD}'));
    Some(after)
}

/// Four hexadecimal digits, and what follows them.
fn unit(text: &str) -> Option<(u16, &str)> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    Some((u16::from_str_radix(digits, 16).ok()?, &text[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_signs_and_literals_are_told_apart() {
        let name = |text: &str| TokenKind::Name(text.into());
        let number = |value: f64| TokenKind::Number(Number::from(value));
        let string = |text: &str| TokenKind::String(text.into());
        for (text, expected) in [
            ("select _a1 Ünï", vec![TokenKind::Keyword("SELECT"), name("_a1"), name("Ünï")]),
            ("1 1.5 .5 1e2 0x1F 1.", [1.0, 1.5, 0.5, 100.0, 31.0, 1.0].map(number).to_vec()),
            ("12345678901234567890", vec![number(12_345_678_901_234_567_890.0)]),
            (
                r#"'a"\'' "\u00e9\n" '\uD83D\uDE80\uD83D'"#,
                vec![string("a\"'"), string("é\n"), string("🚀\u{FFFD}")],
            ),
            (
                "@p -- @q\n>>> >= ??",
                vec![
                    TokenKind::Parameter("p".into()),
                    TokenKind::Sign(">>>"),
                    TokenKind::Sign(">="),
                    TokenKind::Sign("??"),
                ],
            ),
            (FILTER_PLACEHOLDER, vec![TokenKind::Placeholder]),
        ] {
            assert_eq!(kinds(text), [expected, vec![TokenKind::End]].concat(), "{text}");
        }
    }

    #[test]
    fn an_invalid_token_ends_the_list() {
        for (text, fault) in [
            ("a ; b", Fault::Sign),
            ("a @ b", Fault::Sign),
            ("a ! b", Fault::Sign),
            ("a 'b", Fault::String),
            (r"a '\q' b", Fault::String),
            (r"a '\u12' b", Fault::String),
            ("a 1e400 b", Fault::Number),
            ("a 0xZ b", Fault::Number),
        ] {
            let expected = [TokenKind::Name("a".into()), TokenKind::Invalid(fault)];
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn places_are_counted_in_utf16_units() {
        let spans: Vec<_> = tokens("'🚀' é x").into_iter().map(|token| token.span).collect();
        assert_eq!(spans, [0..4, 5..6, 7..8, 8..8]);
    }
}
