//! Where a feed of items goes on: the tokens of the gateway, which reads one partition after the other.
//!
//! A request to one partition has that partition's token. What the gateway spreads has a list of tokens with the
//! ranges that they belong to: to the left of the list all is read, to the right of it nothing.

use super::scope::Source;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::sql::execute::Resume;
use crate::emulator::sql::value::{Object, Value};
use crate::routing::range::EpkRange;
use crate::wire::header;

/// The place at which a feed goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bookmark {
    entries: Vec<Entry>,
    /// Whether it is the first page's, which the service writes as an object, not as a list.
    is_first: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    /// None where the range is still to be begun.
    token: Option<Resume>,
    range: EpkRange,
}

impl Bookmark {
    /// Where the request goes on: at the beginning if it does not say.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        call.request.header(&header::CONTINUATION).map_or_else(|| Ok(Self::default()), Self::read)
    }

    /// Reads a continuation header in either form.
    fn read(text: &str) -> Result<Self, Refusal> {
        if text.starts_with('-') {
            let token = Resume::from_token(text).ok_or_else(Refusal::bad_continuation)?;
            let entry = Entry { token: Some(token), range: EpkRange::full() };
            return Ok(Self { entries: vec![entry], is_first: false });
        }
        let value = Value::from_json(text.as_bytes()).map_err(|_| Refusal::bad_continuation())?;
        let entries = match value.as_array() {
            Some(list) => list.iter().map(Entry::read).collect(),
            None => std::iter::once(Entry::read(&value)).collect(),
        };
        let entries: Option<Vec<_>> = entries;
        let entries = entries.filter(|it| !it.is_empty()).ok_or_else(Refusal::bad_continuation)?;
        Ok(Self { entries, is_first: false })
    }

    /// Whether everything in the range was read.
    pub(crate) fn is_past(&self, range: &EpkRange) -> bool {
        self.entries.first().is_some_and(|it| range.max <= it.range.min)
    }

    /// Where the range goes on; none where it is to be begun.
    pub(crate) fn token(&self, range: &EpkRange) -> Option<Resume> {
        self.entries.iter().find(|it| it.range.overlaps(range))?.token.clone()
    }

    /// The place in the middle or before the beginning of `source`, where `rest` is still to be read.
    pub(crate) fn at(&self, source: &Source, token: Option<Resume>, rest: &[Source]) -> Self {
        let mut entries = vec![Entry { token, range: source.range.clone() }];
        // After a split several partitions may share the token of the one that they came from.
        let begun = rest.iter().map_while(|it| {
            Some(Entry { token: Some(self.token(&it.range)?), range: it.range.clone() })
        });
        entries.extend(begun);
        Self { entries, is_first: self.entries.is_empty() }
    }

    /// The header of a request to one partition, or of one that the gateway spread.
    pub(crate) fn to_header(&self, is_pinned: bool) -> String {
        match (self.entries.as_slice(), is_pinned) {
            ([Entry { token: Some(token), .. }], true) => token.to_token(),
            ([entry], false) if self.is_first => entry.to_value().to_json(),
            (entries, _) => Value::array(entries.iter().map(Entry::to_value).collect()).to_json(),
        }
    }
}

impl Entry {
    fn read(value: &Value) -> Option<Self> {
        let token = match value.get("token") {
            Value::Null => None,
            token => Some(Resume::from_token(token.as_str()?)?),
        };
        let range = value.get("range");
        let (min, max) = (range.get("min"), range.get("max"));
        let range = EpkRange::new(min.as_str()?.parse().ok()?, max.as_str()?.parse().ok()?);
        Some(Self { token, range })
    }

    fn to_value(&self) -> Value {
        let range = Object::from_iter([
            ("min", Value::from(self.range.min.to_string())),
            ("max", self.range.max.to_string().into()),
        ]);
        let token = self.token.as_ref().map_or(Value::Null, |it| it.to_token().into());
        Object::from_iter([("token", token), ("range", range.into())]).into()
    }
}
