//! `LIKE` patterns: `%` any run of characters, `_` one, `[a-f]` one of a set, `[^a-f]` one outside it.

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LikePattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Run,
    AnyOne,
    One(char),
    OneOf { negated: bool, ranges: Vec<(char, char)> },
}

impl LikePattern {
    /// Takes a pattern apart; the character after `escape` stands for itself.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern.chars();
        while let Some(character) = rest.next() {
            parts.push(match character {
                _ if Some(character) == escape => match rest.next() {
                    Some(literal) => Part::One(literal),
                    None => Part::One(character),
                },
                '%' => Part::Run,
                '_' => Part::AnyOne,
                '[' => match rest.as_str().split_once(']') {
                    Some((set, after)) => {
                        rest = after.chars();
                        parse_set(set)
                    }
                    None => Part::One('['),
                },
                literal => Part::One(literal),
            });
        }
        Self(parts)
    }

    /// Whether the whole text fits. Only the last `%` ever needs a second try, so this takes no more than the
    /// product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut part, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            match self.0.get(part) {
                Some(Part::Run) => {
                    part += 1;
                    retry = Some((part, rest));
                    continue;
                }
                None if rest.is_empty() => return true,
                Some(one) => {
                    let mut characters = rest.chars();
                    if characters.next().is_some_and(|it| one.accepts(it)) {
                        part += 1;
                        rest = characters.as_str();
                        continue;
                    }
                }
                None => {}
            }
            let Some((after_run, from)) = retry else { return false };
            let mut characters = from.chars();
            if characters.next().is_none() {
                return false;
            }
            (part, rest) = (after_run, characters.as_str());
            retry = Some((part, rest));
        }
    }
}

impl Part {
    fn accepts(&self, character: char) -> bool {
        match self {
            Self::Run | Self::AnyOne => true,
            Self::One(literal) => *literal == character,
            Self::OneOf { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated
            }
        }
    }
}

fn parse_set(set: &str) -> Part {
    let (negated, set) = match set.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, set),
    };
    let characters: Vec<char> = set.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = &characters[..];
    loop {
        rest = match rest {
            [] => return Part::OneOf { negated, ranges },
            [low, '-', high, after @ ..] => {
                ranges.push((*low, *high));
                after
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        for (text, pattern, escape, expected) in [
            ("screwdriver set", "%driver%", None, true),
            ("driver", "%driver%", None, true),
            ("drive", "%driver%", None, false),
            ("", "%", None, true),
            ("", "_", None, false),
            ("abc", "a_c", None, true),
            ("日本語", "_本%", None, true),
            ("Alice", "%Al%ce%", None, true),
            ("aXbXc", "a%X", None, false),
            ("mississippi", "m%iss%ip%i", None, true),
            ("20-30%", "20-30[%]", None, true),
            ("20-30x", "20-30[%]", None, false),
            ("_n", "[_]n", None, true),
            ("]", "]", None, true),
            ("[x", "[x", None, true),
            ("cat", "[a-f]at", None, true),
            ("hat", "[a-f]at", None, false),
            ("hat", "[^a-f]at", None, true),
            ("save 20% now", "%20^%%", Some('^'), true),
            ("save 200 now", "%20^%%", Some('^'), false),
            ("Abc", "abc", None, false),
        ] {
            assert_eq!(
                LikePattern::new(pattern, escape).matches(text),
                expected,
                "{text:?} LIKE {pattern:?}"
            );
        }
    }

    #[test]
    fn many_runs_do_not_take_exponential_time() {
        let pattern = LikePattern::new(&"%a".repeat(200), None);
        assert!(!pattern.matches(&"b".repeat(20_000)));
    }
}
