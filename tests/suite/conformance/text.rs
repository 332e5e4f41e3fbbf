//! What the text of a query says about its order.

/// The outermost words and signs of a query, with where they stand.
pub(super) struct Text<'a> {
    query: &'a str,
    tokens: Vec<(usize, String)>,
}

impl<'a> Text<'a> {
    pub(super) fn of(query: &'a str) -> Self {
        let mut tokens = Vec::new();
        let (mut depth, mut at) = (0, 0);
        while let Some(first) = query[at..].chars().next() {
            let length = token_length(&query[at..], first);
            match first {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ if depth == 0 && !first.is_whitespace() => {
                    tokens.push((at, query[at..at + length].to_uppercase()));
                }
                _ => {}
            }
            at += length;
        }
        Self { query, tokens }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|(_, it)| it == word)
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.has("ORDER")
    }

    /// Whether the query has only some of its rows.
    pub(super) fn is_cut(&self) -> bool {
        self.has("TOP") || self.has("LIMIT")
    }

    /// The query that selects only what this one is ordered by; none where that is no list of expressions.
    pub(super) fn sort_keys(&self) -> Option<String> {
        let by = self.position("BY").filter(|_| self.has("ORDER") && !self.has("GROUP"))?;
        if self.has("DISTINCT") || self.has("RANK") {
            return None;
        }
        let end = self.position("OFFSET").or_else(|| self.position("LIMIT"));
        let end = end.unwrap_or(self.tokens.len());
        let keys = self.tokens[by + 1..end].split(|(_, it)| it == ",").enumerate();
        let members: Vec<String> = keys
            .map(|(index, key)| {
                let last = key.iter().rev().find(|(_, it)| it != "ASC" && it != "DESC")?;
                let after = self.tokens.iter().find(|(at, _)| at > &last.0);
                let end = after.map_or(self.query.len(), |(at, _)| *at);
                Some(format!("\"k{index}\": {}", &self.query[key.first()?.0..end]))
            })
            .collect::<Option<_>>()?;
        let top = self
            .position("TOP")
            .map_or(String::new(), |it| format!("TOP {} ", self.tokens[it + 1].1.to_lowercase()));
        let from = self.tokens[self.position("FROM")?].0;
        Some(format!("SELECT {top}VALUE {{{}}} {}", members.join(", "), &self.query[from..]))
    }

    fn position(&self, word: &str) -> Option<usize> {
        self.tokens.iter().position(|(_, it)| it == word)
    }
}

/// How long the token is that begins a text.
fn token_length(text: &str, first: char) -> usize {
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, it)| {
            let is_end = *it == first && !escaped;
            escaped = *it == '\\' && !escaped;
            is_end
        });
        return end.map_or(text.len(), |(at, _)| at + 1);
    }
    if text.starts_with("--") {
        return text.find('\n').unwrap_or(text.len());
    }
    let is_word = |it: char| it.is_alphanumeric() || it == '_' || it == '@';
    if is_word(first) {
        return text.find(|it| !is_word(it)).unwrap_or(text.len());
    }
    first.len_utf8()
}
