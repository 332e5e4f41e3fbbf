//! Judges a history: what a client may not do, whatever befalls it.
//!
//! Every write leaves a mark of its own in its item, so that what is seen tells which writes happened. An item that one
//! thread writes goes through its writes in their order; a write that is known to have failed is none, and one of
//! which nobody knows may be one. A counter gathers the marks of many threads.
//!
//! For each client the checker keeps how far it has seen every item: its session. A call must see at least what the
//! client had seen when the call began, and nothing of a write that failed or that began only after the call ended.
//!
//! Where several regions take writes and an item was written in more than one of them, the service settles the
//! conflict, and which versions survive is not the client's doing. Of such items only that is asked which holds anyway:
//! what is seen was written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use crate::history::{Action, Call, Effect, History, Mark, Name, Sight, Write};
use crate::timeline::{Base, Fate, Timelines};

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// What was acknowledged is not there, or was never seen to be.
    Lost,
    /// Something is there twice, or came twice.
    Doubled,
    /// A write happened of which the error did not say that it may have.
    Unreported,
    /// What is seen was never written, or not yet.
    Invented,
    /// A call saw less than its session had seen.
    Stale,
    /// Part of a transaction.
    Torn,
    /// Rows did not come in their order.
    Disordered,
    /// A call took longer than it may.
    Late,
    /// A change feed did not tell how an item ended.
    Untold,
    /// When all was over, something still failed.
    Unhealed,
    /// Something is left of the clients when they are gone.
    LeftBehind,
}

/// A rule, and how it was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

/// How much later than promised a call may end: a sleep that was rounded up, at its start and at its end.
const GRACE: std::time::Duration =
    std::time::Duration::from_millis(2 * crate::stage::TICK.as_millis() as u64);

/// All that is wrong with a history.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let mut checker = Checker {
        timelines: Timelines::of(history),
        floor: Session::default(),
        sessions: vec![Session::default(); history.clients],
        under_way: HashMap::new(),
        in_doubt: vec![0; history.clients],
        interrupted: HashSet::new(),
        tokens: HashMap::new(),
        told: HashMap::new(),
        wanderers: wanderers(history),
        violations: Vec::new(),
    };
    checker.replay(history);
    checker.judge_finals(history);
    for text in &history.unhealed {
        checker.blame(Rule::Unhealed, text.clone());
    }
    for text in &history.leftovers {
        checker.blame(Rule::LeftBehind, text.clone());
    }
    checker.violations
}

/// How far every item was seen; what is not in it was not seen.
type Session = BTreeMap<Name, Base>;

struct Checker {
    timelines: Timelines,
    /// What every reader sees, with no session at all.
    floor: Session,
    sessions: Vec<Session>,
    /// What the sessions were when the calls under way began.
    under_way: HashMap<u64, Session>,
    /// Of each client, the calls under way that end its session at a moment which is not known.
    in_doubt: Vec<usize>,
    /// Calls whose session began anew while they were under way.
    interrupted: HashSet<u64>,
    tokens: HashMap<usize, Session>,
    /// What each change feed told last of each item.
    told: HashMap<usize, Session>,
    /// Change feeds that went from one region to another where each counts its changes for itself.
    wanderers: HashSet<usize>,
    violations: Vec<Violation>,
}

/// The change feeds of an account with several write regions that were read in more than one of them. Each region has
/// an order of its own there, so that such a reader may miss changes, or be told twice.
fn wanderers(history: &History) -> HashSet<usize> {
    let mut asked: HashMap<usize, BTreeSet<&str>> = HashMap::new();
    for call in history.calls.iter().filter(|_| history.multi_write) {
        if let (Action::Feed(feed), Some(regions)) = (&call.action, &call.outcome.regions) {
            asked.entry(*feed).or_default().extend(regions.iter().map(String::as_str));
        }
    }
    asked.into_iter().filter(|it| it.1.len() > 1).map(|it| it.0).collect()
}

impl Checker {
    fn blame(&mut self, rule: Rule, text: String) {
        self.violations.push(Violation { rule, text });
    }

    /// Goes through beginnings and ends of calls in their order.
    fn replay(&mut self, history: &History) {
        let mut events: Vec<(u64, &Call)> =
            history.calls.iter().flat_map(|it| [(it.first, it), (it.last, it)]).collect();
        events.sort_by_key(|it| it.0);
        let mut has_floor = false;
        for (event, call) in events {
            if !has_floor && event > history.floor {
                has_floor = true;
                self.floor = self.sessions.first().cloned().unwrap_or_default();
            }
            // Somewhere on the way of a call of many requests the session began anew.
            let is_doubtful = is_of_many(call) && ends_session(history, call);
            if event == call.first {
                if is_doubtful {
                    self.in_doubt[call.client] += 1;
                    self.end_session(history, call.client);
                }
                let session = self.relevant(call);
                self.under_way.insert(call.first, session);
            } else {
                self.end(history, call);
                self.in_doubt[call.client] -= usize::from(is_doubtful);
            }
        }
    }

    /// The part of a client's session that matters to a call.
    fn relevant(&self, call: &Call) -> Session {
        let session = &self.sessions[call.client];
        let of = |name: &Name| session.get_key_value(name).map(|(k, v)| (k.clone(), v.clone()));
        match &call.action {
            Action::Write(writes) => writes.iter().filter_map(|it| of(&it.item)).collect(),
            Action::Read(names) => names.iter().filter_map(of).collect(),
            Action::Query { key: Some(key), .. } => {
                let own = session.iter().filter(|it| it.0.key == *key);
                own.map(|(k, v)| (k.clone(), v.clone())).collect()
            }
            Action::Query { .. } | Action::Give(_) => session.clone(),
            Action::Feed(_) | Action::Take(_) | Action::Befall(_) => Session::new(),
        }
    }

    fn end(&mut self, history: &History, call: &Call) {
        let base = self.under_way.remove(&call.first).unwrap_or_default();
        self.judge_time(call);
        match &call.action {
            Action::Feed(feed) => self.judge_feed(*feed, call),
            Action::Give(number) => drop(self.tokens.insert(*number, base)),
            Action::Take(number) => {
                for (name, base) in self.tokens.get(number).cloned().unwrap_or_default() {
                    self.saw(call, &name, &base);
                }
            }
            _ => self.judge_sights(call, &base),
        }
        if let (Action::Write(writes), None) = (&call.action, &call.outcome.failure) {
            for write in writes {
                self.saw(call, &write.item, &self.timelines.after(write));
            }
        }
        if ends_session(history, call) {
            self.end_session(history, call.client);
        }
    }

    /// No region was as far as the session; it begins anew, also for the calls that are under way.
    fn end_session(&mut self, history: &History, client: usize) {
        self.sessions[client] = self.floor.clone();
        let own = history.calls.iter().filter(|it| it.client == client);
        for first in own.map(|it| it.first) {
            if let Some(base) = self.under_way.get_mut(&first) {
                self.interrupted.insert(first);
                *base = self.floor.clone();
            }
        }
    }

    /// Takes over what a call saw, unless its client's session began anew meanwhile: part of what a call of many
    /// requests saw was then in the session that is no more.
    fn saw(&mut self, call: &Call, name: &Name, base: &Base) {
        let is_interrupted = is_of_many(call) && self.interrupted.contains(&call.first);
        if is_interrupted || self.in_doubt[call.client] > 0 {
            return;
        }
        self.sessions[call.client].entry(name.clone()).or_default().reach(base);
    }

    fn judge_time(&mut self, call: &Call) {
        let Some(limit) = call.limit else { return };
        let took = call.ended.saturating_sub(call.began).saturating_sub(call.frozen);
        if took > limit + GRACE {
            self.blame(Rule::Late, format!("{took:?} instead of {limit:?}: {call}"));
        }
    }

    /// What reads, queries and answers of writes show.
    fn judge_sights(&mut self, call: &Call, base: &Session) {
        let mut seen = BTreeSet::new();
        for sight in &call.outcome.seen {
            if !seen.insert(&sight.item) && !self.timelines.may_come_twice(&sight.item, call) {
                self.blame(Rule::Doubled, format!("{} in {call}", sight.item));
            }
            self.judge_sight(sight, call, base);
        }
        if let Action::Query { is_ordered: true, .. } = call.action
            && !call.outcome.seen.is_sorted_by_key(|it| &it.item.id)
        {
            self.blame(Rule::Disordered, call.to_string());
        }
        if let (Action::Query { key, .. }, None) = (&call.action, &call.outcome.failure) {
            let all: Vec<Name> = base.keys().cloned().collect();
            let missing = all
                .into_iter()
                .filter(|it| key.as_ref().is_none_or(|key| it.key == *key) && !seen.contains(it));
            for name in missing {
                self.judge_sight(&Sight::absent(name), call, base);
            }
        }
    }

    fn judge_sight(&mut self, sight: &Sight, call: &Call, base: &Session) {
        let base = base.get(&sight.item).cloned().unwrap_or_default();
        match self.timelines.judge(sight, &base, call.last) {
            Ok(reached) => self.saw(call, &sight.item, &reached),
            Err((rule, text)) => self.blame(rule, format!("{}: {text}, in {call}", sight.item)),
        }
    }

    /// A change feed tells each version once at most, and never an older one after a newer one.
    fn judge_feed(&mut self, feed: usize, call: &Call) {
        for sight in &call.outcome.seen {
            let name = &sight.item;
            let told = self.told.entry(feed).or_default().get(name).cloned();
            let before = told.clone().unwrap_or_default();
            match self.timelines.judge(sight, &before, call.last) {
                Ok(reached) if told.as_ref() == Some(&reached) => {
                    if !self.timelines.is_contested(name) && !self.wanderers.contains(&feed) {
                        self.blame(Rule::Doubled, format!("{name} in {call}"));
                    }
                }
                Ok(reached) => {
                    self.told.entry(feed).or_default().insert(name.clone(), reached);
                }
                Err((Rule::Stale, _)) if self.wanderers.contains(&feed) => {}
                Err((rule, text)) => self.blame(rule, format!("{name}: {text}, in {call}")),
            }
        }
    }

    /// What is there in the end, by all who look.
    fn judge_finals(&mut self, history: &History) {
        for (reader, sights) in &history.finals {
            let mut seen = HashSet::new();
            for sight in sights {
                if !seen.insert(&sight.item) {
                    self.blame(Rule::Doubled, format!("{} in the end, by {reader}", sight.item));
                }
            }
            let absent = self.timelines.names().filter(|it| !seen.contains(it));
            let absent: Vec<Sight> = absent.cloned().map(Sight::absent).collect();
            for sight in sights.iter().chain(&absent) {
                let base = self.timelines.acknowledged(&sight.item);
                if let Err((rule, text)) = self.timelines.judge(sight, &base, u64::MAX) {
                    let rule = if rule == Rule::Stale { Rule::Lost } else { rule };
                    self.blame(rule, format!("{}: {text}, in the end, by {reader}", sight.item));
                }
            }
        }
        self.judge_agreement(history);
        self.judge_transactions(history);
        self.judge_told(history);
    }

    fn judge_agreement(&mut self, history: &History) {
        let by_name = |sights: &[Sight]| {
            sights.iter().map(|it| (it.item.clone(), it.clone())).collect::<BTreeMap<_, _>>()
        };
        let Some(((_, first), others)) = history.finals.split_first() else { return };
        let first = by_name(first);
        for (reader, sights) in others {
            let theirs = by_name(sights);
            let differ = first.iter().find(|(name, it)| theirs.get(*name) != Some(*it));
            if first.len() != theirs.len() || differ.is_some() {
                let text = format!("{reader} sees something else in the end: {differ:?}");
                self.blame(Rule::Lost, text);
            }
        }
    }

    /// All writes of a transaction are there in the end, or none.
    fn judge_transactions(&mut self, history: &History) {
        let Some((_, sights)) = history.finals.first() else { return };
        let marks: HashSet<Mark> = sights
            .iter()
            .filter_map(|it| it.marks.as_ref())
            .flat_map(|it| it.keys().copied())
            .collect();
        for call in &history.calls {
            let Action::Write(writes) = &call.action else { continue };
            let lasting: Vec<&Write> =
                writes.iter().filter(|it| self.timelines.is_last(it)).collect();
            let there = lasting.iter().filter(|it| marks.contains(&it.mark)).count();
            if there != 0 && there != lasting.len() {
                self.blame(Rule::Torn, call.to_string());
            }
        }
    }

    /// Every change feed that was read to its end has told how each item is.
    fn judge_told(&mut self, history: &History) {
        let Some((_, sights)) = history.finals.first() else { return };
        for (feed, told) in std::mem::take(&mut self.told) {
            if self.wanderers.contains(&feed) {
                continue;
            }
            for sight in sights {
                if self.timelines.is_contested(&sight.item) {
                    continue;
                }
                let now = self.timelines.judge(sight, &Base::default(), u64::MAX).ok();
                if told.get(&sight.item) != now.as_ref() {
                    let text = format!("change feed {feed} did not tell {sight}");
                    self.blame(Rule::Untold, text);
                }
            }
        }
    }
}

/// Whether a call may have made many requests, one after the other.
fn is_of_many(call: &Call) -> bool {
    call.limit.is_none() || matches!(&call.action, Action::Read(it) if it.len() > 1)
}

/// Whether no region was as far as the session of a call; or that may have been, but another error was told.
fn ends_session(history: &History, call: &Call) -> bool {
    let failure = call.outcome.failure.as_ref();
    failure.is_some_and(|it| it.ends_session || history.side_by_side && is_of_many(call))
}

/// Whether a write that failed may have happened.
pub(crate) fn fate(call: &Call) -> Fate {
    match &call.outcome.failure {
        None => Fate::Done,
        Some(failure) if failure.is_ambiguous => Fate::Unknown,
        Some(_) => Fate::Failed,
    }
}

/// Whether an effect is one of an item that a single thread writes.
pub(crate) fn is_put(effect: Effect) -> bool {
    effect == Effect::Put
}

#[cfg(test)]
mod tests;
