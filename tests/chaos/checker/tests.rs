//! Histories that must be refused, each by its rule, and the sound ones beside them.

use std::time::Duration;

use super::*;
use crate::history::{Failure, Outcome};

const MILLI: Duration = Duration::from_millis(1);

/// A history in the making; calls come one after the other.
#[derive(Clone, Default)]
struct Story(History);

fn item(id: &str) -> Name {
    Name::new("k", id)
}

fn sight(id: &str, marks: &[Mark]) -> Sight {
    let item = item(id);
    let sum = item.is_counter().then_some(marks.len() as i64);
    Sight { item, marks: Some(marks.iter().map(|it| (*it, 1)).collect()), sum }
}

fn absent(id: &str) -> Sight {
    Sight::absent(item(id))
}

fn failure(is_ambiguous: bool) -> Option<Failure> {
    Some(Failure { text: "broken".to_owned(), is_ambiguous, ends_session: false })
}

impl Story {
    /// Two clients, and an item `a` that the first one made with mark 1.
    fn new() -> Self {
        let history = History { clients: 2, ..History::default() };
        Self(history).put("a", 1)
    }

    fn call(mut self, client: usize, action: Action, outcome: Outcome) -> Self {
        let next = self.0.calls.iter().map(|it| it.last).max().unwrap_or(0) + 1;
        self.0.calls.push(Call {
            thread: 0,
            client,
            action,
            first: next,
            last: next + 1,
            began: MILLI,
            ended: 2 * MILLI,
            frozen: Duration::ZERO,
            limit: Some(10 * MILLI),
            outcome,
        });
        self
    }

    fn write(self, id: &str, mark: Mark, effect: Effect, failure: Option<Failure>) -> Self {
        let write = Write { item: item(id), mark, effect };
        let regions = Some(vec!["East US".to_owned()]);
        self.call(0, Action::Write(vec![write]), Outcome { seen: Vec::new(), failure, regions })
    }

    fn put(self, id: &str, mark: Mark) -> Self {
        self.write(id, mark, Effect::Put, None)
    }

    fn add(self, id: &str, mark: Mark) -> Self {
        self.write(id, mark, Effect::Add, None)
    }

    fn read(self, client: usize, seen: Sight) -> Self {
        let outcome = Outcome { seen: vec![seen.clone()], ..Outcome::default() };
        self.call(client, Action::Read(vec![seen.item]), outcome)
    }

    fn query(self, seen: Vec<Sight>) -> Self {
        let action = Action::Query { key: None, is_ordered: true };
        self.call(0, action, Outcome { seen, ..Outcome::default() })
    }

    fn feed(self, seen: Vec<Sight>) -> Self {
        self.call(1, Action::Feed(3), Outcome { seen, ..Outcome::default() })
    }

    fn ends(mut self, seen: Vec<Sight>) -> Self {
        self.0.finals.push(("somebody".to_owned(), seen));
        self
    }

    /// Changes the last call.
    fn but(mut self, change: impl FnOnce(&mut Call)) -> Self {
        change(self.0.calls.last_mut().unwrap());
        self
    }

    fn rules(&self) -> BTreeSet<Rule> {
        check(&self.0).into_iter().map(|it| it.rule).collect()
    }
}

#[test]
fn sound_histories_pass() {
    let unknown = || failure(true);
    let a = |mark| vec![sight("a", &[mark])];
    for (name, story) in [
        ("what was written is read", Story::new().read(0, sight("a", &[1])).ends(a(1))),
        ("another client lags", Story::new().read(1, absent("a")).ends(a(1))),
        (
            "a write of unknown outcome happened",
            Story::new().write("a", 2, Effect::Put, unknown()).read(0, sight("a", &[2])).ends(a(2)),
        ),
        (
            "a write of unknown outcome did not happen",
            Story::new().write("a", 2, Effect::Put, unknown()).read(0, sight("a", &[1])).ends(a(1)),
        ),
        ("a write failed", Story::new().write("a", 2, Effect::Put, failure(false)).ends(a(1))),
        (
            "an item was deleted and came again",
            Story::new()
                .write("a", 2, Effect::Delete, None)
                .read(0, absent("a"))
                .put("a", 3)
                .query(a(3))
                .ends(a(3)),
        ),
        (
            "counters gather",
            Story::new()
                .add("counter", 2)
                .add("counter", 3)
                .read(0, sight("counter", &[2, 3]))
                .ends(vec![sight("a", &[1]), sight("counter", &[2, 3])]),
        ),
        (
            "a change feed tells versions in their order",
            Story::new().feed(a(1)).put("a", 2).feed(a(2)).ends(a(2)),
        ),
    ] {
        assert_eq!(story.rules(), BTreeSet::new(), "{name}");
    }
}

#[test]
fn each_broken_promise_is_refused_by_its_rule() {
    let twice =
        Sight { marks: Some(BTreeMap::from([(2, 2)])), sum: Some(2), ..sight("counter", &[2]) };
    let two = || vec![sight("a", &[1]), sight("b", &[2])];
    let a = || vec![sight("a", &[1])];
    for (name, rule, story) in [
        ("an item is gone", Rule::Lost, Story::new().ends(vec![])),
        ("a version is gone", Rule::Lost, Story::new().put("a", 2).ends(a())),
        (
            "a deletion is undone",
            Rule::Lost,
            Story::new().write("a", 2, Effect::Delete, None).ends(a()),
        ),
        (
            "an addition is gone",
            Rule::Lost,
            Story::new()
                .add("counter", 2)
                .add("counter", 3)
                .ends([a(), vec![sight("counter", &[3])]].concat()),
        ),
        (
            "readers disagree",
            Rule::Lost,
            Story::new().write("b", 2, Effect::Put, failure(true)).ends(a()).ends(two()),
        ),
        ("an item is there twice", Rule::Doubled, Story::new().ends([a(), a()].concat())),
        (
            "an addition is there twice",
            Rule::Doubled,
            Story::new().add("counter", 2).read(0, twice),
        ),
        ("a row comes twice", Rule::Doubled, Story::new().query([a(), a()].concat())),
        ("a change comes twice", Rule::Doubled, Story::new().feed(a()).feed(a())),
        (
            "a write that failed is there",
            Rule::Unreported,
            Story::new().write("a", 2, Effect::Put, failure(false)).read(0, sight("a", &[2])),
        ),
        (
            "an addition that failed is there",
            Rule::Unreported,
            Story::new()
                .write("counter", 2, Effect::Add, failure(false))
                .ends([a(), vec![sight("counter", &[2])]].concat()),
        ),
        ("nobody wrote the item", Rule::Invented, Story::new().read(0, sight("b", &[2]))),
        ("nobody wrote the version", Rule::Invented, Story::new().read(0, sight("a", &[9]))),
        (
            "a version comes too early",
            Rule::Invented,
            Story::new().read(0, sight("a", &[2])).put("a", 2),
        ),
        ("a write is not read", Rule::Stale, Story::new().read(0, absent("a"))),
        (
            "an older version is read",
            Rule::Stale,
            Story::new().put("a", 2).read(0, sight("a", &[1])),
        ),
        (
            "a reader goes back",
            Rule::Stale,
            Story::new().put("a", 2).read(1, sight("a", &[2])).read(1, sight("a", &[1])),
        ),
        (
            "an addition disappears",
            Rule::Stale,
            Story::new().add("counter", 2).add("counter", 3).read(0, sight("counter", &[2])),
        ),
        ("a row is missing", Rule::Stale, Story::new().put("b", 2).query(a())),
        (
            "a session that was handed over is not heeded",
            Rule::Stale,
            Story::new()
                .call(0, Action::Give(0), Outcome::default())
                .call(1, Action::Take(0), Outcome::default())
                .read(1, absent("a")),
        ),
        (
            "a change feed goes back",
            Rule::Stale,
            Story::new().put("a", 2).feed(vec![sight("a", &[2])]).feed(a()),
        ),
        (
            "half of a transaction is there",
            Rule::Torn,
            Story::new()
                .write("b", 2, Effect::Put, failure(true))
                .but(|call| {
                    let write = Write { item: item("c"), mark: 3, effect: Effect::Put };
                    if let Action::Write(writes) = &mut call.action {
                        writes.push(write);
                    }
                })
                .ends(two()),
        ),
        (
            "rows are out of order",
            Rule::Disordered,
            Story::new().put("b", 2).query(two().into_iter().rev().collect()),
        ),
        (
            "a call is late",
            Rule::Late,
            Story::new().but(|it| it.ended = it.began + 10 * MILLI + 2 * GRACE),
        ),
        ("a change is never told", Rule::Untold, Story::new().put("b", 2).feed(a()).ends(two())),
    ] {
        assert_eq!(story.rules(), BTreeSet::from([rule]), "{name}");
    }
}

#[test]
fn what_does_not_recover_or_stays_behind_is_refused() {
    let mut story = Story::new();
    story.0.unhealed.push("a query failed".to_owned());
    assert_eq!(story.rules(), BTreeSet::from([Rule::Unhealed]));
    let mut story = Story::new();
    story.0.leftovers.push("a thread".to_owned());
    assert_eq!(story.rules(), BTreeSet::from([Rule::LeftBehind]));
}

#[test]
fn a_session_that_the_client_reported_as_lost_begins_anew() {
    let lost = Failure { text: "404/1002".to_owned(), is_ambiguous: false, ends_session: true };
    let outcome = Outcome { failure: Some(lost), ..Outcome::default() };
    let story = Story::new().call(0, Action::Read(vec![item("a")]), outcome);
    assert_eq!(story.read(0, absent("a")).rules(), BTreeSet::new());
}

#[test]
fn conflicts_are_the_services_only_where_several_regions_wrote() {
    let stale = |region: &str, multi_write: bool| {
        let region = region.to_owned();
        let mut story = Story::new().put("a", 2).but(|it| it.outcome.regions = Some(vec![region]));
        story.0.multi_write = multi_write;
        story.read(0, sight("a", &[1])).rules()
    };
    assert_eq!(stale("West US", true), BTreeSet::new());
    assert_eq!(stale("East US", true), BTreeSet::from([Rule::Stale]));
    assert_eq!(stale("West US", false), BTreeSet::from([Rule::Stale]));
}

#[test]
fn time_that_stood_still_for_others_is_no_delay() {
    let late = |frozen| {
        Story::new().but(|it| (it.ended, it.frozen) = (it.began + 100 * MILLI, frozen)).rules()
    };
    assert_eq!(late(90 * MILLI), BTreeSet::new());
    assert_eq!(late(Duration::ZERO), BTreeSet::from([Rule::Late]));
}
