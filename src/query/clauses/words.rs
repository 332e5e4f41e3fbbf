//! The words of a query's text, without those in strings and comments, and without names of properties.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word that could be one of the language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    /// Whether an opening parenthesis follows.
    pub(crate) is_called: bool,
}

pub(crate) struct Words<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text.char_indices().peekable() }
    }

    fn end_of_string(&mut self, quote: char) {
        while let Some((_, next)) = self.rest.next() {
            match next {
                '\\' => {
                    self.rest.next();
                }
                next if next == quote => return,
                _ => {}
            }
        }
    }

    fn end_of_line(&mut self) {
        while self.rest.next_if(|it| it.1 != '\n').is_some() {}
    }

    fn end_of_comment(&mut self) {
        let mut before = ' ';
        for (_, next) in self.rest.by_ref() {
            if before == '*' && next == '/' {
                return;
            }
            before = next;
        }
    }

    fn word(&mut self, start: usize) -> &'a str {
        while self.rest.next_if(|it| is_part_of_word(it.1)).is_some() {}
        let end = self.rest.peek().map_or(self.text.len(), |it| it.0);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Leaves out white space and comments, and returns the character after them.
    fn next_mark(&mut self) -> Option<char> {
        loop {
            let mark = self.rest.peek()?.1;
            if mark.is_whitespace() {
                self.rest.next();
            } else if !self.skip_comment() {
                return Some(mark);
            }
        }
    }

    fn skip_comment(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        match (ahead.next().map(|it| it.1), ahead.next().map(|it| it.1)) {
            (Some('-'), Some('-')) => self.end_of_line(),
            (Some('/'), Some('*')) => {
                self.rest = ahead;
                self.end_of_comment();
            }
            _ => return false,
        }
        true
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let mut is_property = false;
        loop {
            self.next_mark()?;
            let (start, mark) = self.rest.next()?;
            match mark {
                '\'' | '"' => self.end_of_string(mark),
                '.' | '@' => {
                    is_property = true;
                    continue;
                }
                mark if is_part_of_word(mark) => {
                    let text = self.word(start);
                    if !is_property {
                        return Some(Word { text, is_called: self.next_mark() == Some('(') });
                    }
                }
                _ => {}
            }
            is_property = false;
        }
    }
}

fn is_part_of_word(mark: char) -> bool {
    mark == '_' || mark == '$' || mark.is_alphanumeric()
}
