//! What was called, when, and with which outcome: all that the checker sees.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cosmosdb::Error;
use serde_json::Value;

/// The threads of a schedule.
pub(crate) const THREADS: usize = 8;

/// An item by its partition key and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) key: String,
    pub(crate) id: String,
}

impl Name {
    pub(crate) fn new(key: &str, id: &str) -> Self {
        Self { key: key.to_owned(), id: id.to_owned() }
    }

    /// Whether many threads add to it. All other items are written by one thread only.
    pub(crate) fn is_counter(&self) -> bool {
        self.id.starts_with("counter")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.id)
    }
}

/// The number of a write. Each write has its own, and leaves it in the item.
pub(crate) type Mark = u64;

/// What a write does to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The item is there afterwards, with this mark alone.
    Put,
    Delete,
    /// The counter has this mark besides those that it had.
    Add,
}

/// One write of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) item: Name,
    pub(crate) mark: Mark,
    pub(crate) effect: Effect,
}

/// What was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// One write, or several that happen together or not at all.
    Write(Vec<Write>),
    /// Reads of these items and no others.
    Read(Vec<Name>),
    /// All items, or those with this partition key; perhaps in the order of their ids.
    Query { key: Option<String>, is_ordered: bool },
    /// The next page of the change feed with this number.
    Feed(usize),
    /// A client's session token is taken down under a number.
    Give(usize),
    /// The client adopts the session token of that number.
    Take(usize),
    /// No call: something befalls the account.
    Befall(String),
}

/// An item as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) item: Name,
    /// How often each mark was in it; `None` where the item was not there.
    pub(crate) marks: Option<BTreeMap<Mark, i64>>,
    /// The sum that a counter tells.
    pub(crate) sum: Option<i64>,
}

impl Sight {
    /// The item of a name, which was there, or was not.
    pub(crate) fn absent(item: Name) -> Self {
        Self { item, marks: None, sum: None }
    }

    /// What the JSON of an item tells; damaged items are seen without marks.
    pub(crate) fn of(item: &Value) -> Self {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        let name = Name::new(text("pk"), text("id"));
        let sum = item["sum"].as_i64();
        let marks = match (item["mark"].as_u64(), item["marks"].as_object()) {
            (Some(mark), _) => BTreeMap::from([(mark, 1)]),
            (None, Some(marks)) => {
                let pair =
                    |(mark, times): (&String, &Value)| Some((mark.parse().ok()?, times.as_i64()?));
                marks.iter().filter_map(pair).collect()
            }
            (None, None) => BTreeMap::new(),
        };
        Self { item: name, marks: Some(marks), sum }
    }

    /// The mark of an item that has one.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.marks.as_ref()?.keys().next().copied()
    }
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Self {
        let text = error.to_string();
        // The id of the request is another one each time.
        let text = text.split(" (activity").next().unwrap_or_default();
        Self {
            text: text.to_owned(),
            is_ambiguous: error.may_have_been_applied(),
            ends_session: error.is_not_found() && error.sub_status() == Some(1002),
        }
    }
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Items in the order in which they came; of a call that failed, those that came before.
    pub(crate) seen: Vec<Sight>,
    pub(crate) failure: Option<Failure>,
    /// The regions that were asked, where that is known.
    pub(crate) regions: Option<Vec<String>>,
}

/// What an error said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// It says of a write that it may have happened.
    pub(crate) is_ambiguous: bool,
    /// No region was as far as the session, which begins anew (404/1002).
    pub(crate) ends_session: bool,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: usize,
    pub(crate) client: usize,
    pub(crate) action: Action,
    /// The places of its beginning and its end in the order of all events.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The same by the clock, and how much of that was frozen.
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) frozen: Duration,
    /// How long it may take, where the client promises that.
    pub(crate) limit: Option<Duration>,
    pub(crate) outcome: Outcome,
}

/// All of a schedule.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) clients: usize,
    /// Several regions take writes.
    pub(crate) multi_write: bool,
    /// Requests of one call are under way side by side, so that not each of their errors is told.
    pub(crate) side_by_side: bool,
    /// What ended before this event was there in all regions.
    pub(crate) floor: u64,
    pub(crate) calls: Vec<Call>,
    /// What is there when all is over, as each reader sees it.
    pub(crate) finals: Vec<(String, Vec<Sight>)>,
    /// Calls that should have worked when all faults were over, and did not.
    pub(crate) unhealed: Vec<String>,
    /// What was left behind when all clients were dropped.
    pub(crate) leftovers: Vec<String>,
}

/// Takes calls down while they are made.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    state: Mutex<(u64, Vec<Call>)>,
}

impl Recorder {
    /// The place of an event in the order of all.
    pub(crate) fn event(&self) -> u64 {
        let mut state = self.lock();
        state.0 += 1;
        state.0
    }

    pub(crate) fn push(&self, call: Call) {
        self.lock().1.push(call);
    }

    /// Takes down that something befell the account.
    pub(crate) fn befell(&self, what: String, now: Duration) {
        let (first, last) = (self.event(), self.event());
        self.push(Call {
            thread: THREADS,
            client: 0,
            action: Action::Befall(what),
            first,
            last,
            began: now,
            ended: now,
            frozen: Duration::ZERO,
            limit: None,
            outcome: Outcome::default(),
        });
    }

    pub(crate) fn into_calls(self) -> Vec<Call> {
        let (_, mut calls) = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        calls.sort_by_key(|it| it.first);
        calls
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Call>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |it: Duration| it.as_micros() as f64 / 1000.0;
        write!(
            f,
            "{:>5}-{:<5} {:>9.1} ms +{:.1}",
            self.first,
            self.last,
            millis(self.began),
            millis(self.ended.saturating_sub(self.began))
        )?;
        write!(f, " thread {} client {} {}", self.thread, self.client, self.action)?;
        match &self.outcome.failure {
            Some(failure) => write!(f, " FAILED {}", failure.text)?,
            None => f.write_str(" ok")?,
        }
        if let Some(regions) = &self.outcome.regions {
            write!(f, " {regions:?}")?;
        }
        for sight in &self.outcome.seen {
            write!(f, " {sight}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(writes) => writes
                .iter()
                .try_for_each(|it| write!(f, "{:?} {}#{} ", it.effect, it.item, it.mark)),
            Self::Read(items) if items.len() == 1 => write!(f, "read {}", items[0]),
            Self::Read(items) => write!(f, "read {} items", items.len()),
            Self::Query { key: Some(key), .. } => write!(f, "query {key}"),
            Self::Query { is_ordered: true, .. } => f.write_str("query all in order"),
            Self::Query { .. } => f.write_str("query all"),
            Self::Feed(feed) => write!(f, "page of change feed {feed}"),
            Self::Give(token) => write!(f, "give session {token}"),
            Self::Take(token) => write!(f, "take session {token}"),
            Self::Befall(what) => write!(f, "======== {what}"),
        }
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.marks {
            None => write!(f, "{} absent", self.item),
            Some(marks) if self.item.is_counter() => write!(f, "{} {marks:?}", self.item),
            Some(marks) => write!(f, "{}#{:?}", self.item, marks.keys().next().unwrap_or(&0)),
        }
    }
}
