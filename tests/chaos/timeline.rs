//! The writes of each item, and what may be seen of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::{Rule, fate, is_put};
use crate::history::{Action, Call, Effect, History, Mark, Name, Sight, Write};

/// What is known of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Unknown,
    Failed,
}

/// How far an item was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Base {
    /// By how many of its writes, where one thread writes it.
    place: usize,
    /// The marks of a counter.
    marks: BTreeSet<Mark>,
}

impl Base {
    /// Goes on to where the other one is, if that is further.
    pub(crate) fn reach(&mut self, other: &Self) {
        self.place = self.place.max(other.place);
        self.marks.extend(&other.marks);
    }
}

/// The writes of all items.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    items: BTreeMap<Name, Timeline>,
}

/// The writes of an item in the order in which they began.
#[derive(Debug, Default)]
struct Timeline {
    writes: Vec<Known>,
    /// Several regions were asked to write it, each of which may have.
    is_contested: bool,
}

#[derive(Debug)]
struct Known {
    mark: Mark,
    effect: Effect,
    fate: Fate,
    first: u64,
}

/// What a sight proves, or what is wrong with it.
type Verdict = Result<Base, (Rule, String)>;

impl Timelines {
    pub(crate) fn of(history: &History) -> Self {
        let mut timelines = Self::default();
        let mut regions: BTreeMap<Name, BTreeSet<&str>> = BTreeMap::new();
        for call in &history.calls {
            let Action::Write(writes) = &call.action else { continue };
            for Write { item, mark, effect } in writes {
                let timeline = timelines.items.entry(item.clone()).or_default();
                let known =
                    Known { mark: *mark, effect: *effect, fate: fate(call), first: call.first };
                timeline.writes.push(known);
                if !history.multi_write || fate(call) == Fate::Failed || call.last <= history.floor
                {
                    continue;
                }
                let asked = regions.entry(item.clone()).or_default();
                match &call.outcome.regions {
                    Some(names) => asked.extend(names.iter().map(String::as_str)),
                    // A single write cannot be in its own way.
                    None if timeline.writes.len() > 1 => timeline.is_contested = true,
                    None => {}
                }
            }
        }
        for (name, timeline) in &mut timelines.items {
            timeline.writes.sort_by_key(|it| it.first);
            // A single write too may have been made in each of the regions that were asked.
            let asked = regions.get(name).map_or(0, BTreeSet::len);
            let in_several = asked > 1 || timeline.is_contested || name.is_counter();
            timeline.is_contested = history.multi_write && in_several;
        }
        timelines
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.items.keys()
    }

    pub(crate) fn is_contested(&self, name: &Name) -> bool {
        self.items.get(name).is_some_and(|it| it.is_contested)
    }

    /// Whether a query may show an item twice: it went and came again meanwhile.
    pub(crate) fn may_come_twice(&self, name: &Name, call: &Call) -> bool {
        let deletes = |it: &Known| it.effect == Effect::Delete && it.first < call.last;
        self.items.get(name).is_some_and(|it| it.writes.iter().any(deletes))
    }

    /// How far whoever made a write has seen its item.
    pub(crate) fn after(&self, write: &Write) -> Base {
        let Some(timeline) = self.items.get(&write.item) else { return Base::default() };
        if write.item.is_counter() {
            return Base { place: 0, marks: BTreeSet::from([write.mark]) };
        }
        let place = timeline.writes.iter().position(|it| it.mark == write.mark);
        Base { place: place.map_or(0, |it| it + 1), marks: BTreeSet::new() }
    }

    /// What has to be there when all is over.
    pub(crate) fn acknowledged(&self, name: &Name) -> Base {
        let Some(timeline) = self.items.get(name) else { return Base::default() };
        let is_done = |it: &&Known| it.fate == Fate::Done;
        if name.is_counter() {
            let marks = timeline.writes.iter().filter(is_done).map(|it| it.mark).collect();
            return Base { place: 0, marks };
        }
        let place = timeline.writes.iter().rposition(|it| it.fate == Fate::Done);
        Base { place: place.map_or(0, |it| it + 1), marks: BTreeSet::new() }
    }

    /// Whether nothing was written after a write that could hide whether it happened.
    pub(crate) fn is_last(&self, write: &Write) -> bool {
        let Some(timeline) = self.items.get(&write.item) else { return false };
        !timeline.is_contested
            && (write.item.is_counter()
                || is_put(write.effect)
                    && timeline.writes.last().is_some_and(|it| it.mark == write.mark))
    }

    /// Judges what was seen of an item by somebody whose session was at `base`, before the event `until`.
    pub(crate) fn judge(&self, sight: &Sight, base: &Base, until: u64) -> Verdict {
        let Some(timeline) = self.items.get(&sight.item) else {
            return match sight.marks {
                None => Ok(base.clone()),
                Some(_) => Err((Rule::Invented, "nobody wrote it".to_owned())),
            };
        };
        if sight.item.is_counter() {
            timeline.judge_counter(sight, base, until)
        } else {
            timeline.judge_owned(sight, base, until)
        }
    }
}

impl Timeline {
    fn judge_owned(&self, sight: &Sight, base: &Base, until: u64) -> Verdict {
        let Some(mark) = sight.mark() else { return self.judge_absence(base, until) };
        let place = self.find(mark, until)? + 1;
        if self.is_contested {
            return Ok(base.clone());
        }
        if place < base.place {
            let text = format!("#{mark} is write {place}, after write {} was seen", base.place);
            return Err((Rule::Stale, text));
        }
        Ok(Base { place, marks: BTreeSet::new() })
    }

    /// It was not there yet, or was deleted since.
    fn judge_absence(&self, base: &Base, until: u64) -> Verdict {
        if base.place == 0 || self.is_contested {
            return Ok(base.clone());
        }
        let deletes =
            |it: &Known| it.effect == Effect::Delete && it.fate != Fate::Failed && it.first < until;
        let since = self.writes.iter().skip(base.place - 1).position(deletes);
        match since {
            Some(since) => Ok(Base { place: base.place + since, marks: BTreeSet::new() }),
            None => Err((Rule::Stale, format!("it is not there, after write {} was", base.place))),
        }
    }

    fn judge_counter(&self, sight: &Sight, base: &Base, until: u64) -> Verdict {
        let Some(marks) = &sight.marks else { return self.judge_counter_absence(base) };
        for (mark, times) in marks {
            self.find(*mark, until)?;
            if *times != 1 {
                return Err((Rule::Doubled, format!("#{mark} was added {times} times")));
            }
        }
        if sight.sum != Some(marks.len() as i64) {
            return Err((Rule::Doubled, format!("{:?} by {} additions", sight.sum, marks.len())));
        }
        if self.is_contested {
            return Ok(base.clone());
        }
        if let Some(missing) = base.marks.iter().find(|it| !marks.contains_key(it)) {
            return Err((Rule::Stale, format!("#{missing} is gone again")));
        }
        Ok(Base { place: 0, marks: marks.keys().copied().collect() })
    }

    fn judge_counter_absence(&self, base: &Base) -> Verdict {
        match base.marks.first() {
            Some(mark) if !self.is_contested => {
                Err((Rule::Stale, format!("it is not there, after #{mark} was")))
            }
            _ => Ok(base.clone()),
        }
    }

    /// The write that left a mark.
    fn find(&self, mark: Mark, until: u64) -> Result<usize, (Rule, String)> {
        let found = self.writes.iter().enumerate().find(|(_, it)| it.mark == mark);
        match found {
            Some((_, known)) if known.fate == Fate::Failed => {
                Err((Rule::Unreported, format!("#{mark} is there, although it failed")))
            }
            Some((_, known)) if known.first > until || known.effect == Effect::Delete => {
                Err((Rule::Invented, format!("#{mark} was not written yet")))
            }
            Some((place, _)) => Ok(place),
            None => Err((Rule::Invented, format!("#{mark} was never written"))),
        }
    }
}
