//! The rules in force, and whose turn it is.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::effect::Effect;
use super::{FaultRule, Turns, Wanted};
use crate::emulator::Inner;
use crate::emulator::operation::EmulatorOperation;
use crate::emulator::request::Request;
use crate::emulator::store::rid;
use crate::partition_key::PartitionKey;
use crate::wire::header;

/// The rules in force, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    entries: Mutex<Vec<Entry>>,
    /// Spares requests the lock where there are no rules.
    is_any: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    rule: FaultRule,
    /// How many requests matched, and on how many of them it acted.
    matched: u64,
    acted: u64,
    dice: u64,
}

/// A request as rules see it.
pub(crate) struct Sight<'a> {
    emulator: &'a Inner,
    request: &'a Request<'a>,
    operation: EmulatorOperation,
    range_id: OnceCell<Option<String>>,
}

impl Faults {
    pub(crate) fn add(&self, rule: FaultRule) {
        let dice = rule.turns.probability.map_or(0, |it| it.1);
        self.entries().push(Entry { rule, matched: 0, acted: 0, dice });
        self.is_any.store(true, Ordering::SeqCst);
    }

    pub(crate) fn clear(&self) {
        self.is_any.store(false, Ordering::SeqCst);
        self.entries().clear();
    }

    /// What shall happen to the request, if anything.
    pub(crate) fn strike(&self, sight: &Sight<'_>) -> Option<Effect> {
        if !self.is_any.load(Ordering::SeqCst) {
            return None;
        }
        let mut entries = self.entries();
        entries.iter_mut().find_map(|it| it.strike(sight))
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn strike(&mut self, sight: &Sight<'_>) -> Option<Effect> {
        let Turns { after, every, times, probability } = self.rule.turns;
        if times.is_some_and(|it| self.acted >= it) || !self.rule.wanted.admits(sight) {
            return None;
        }
        self.matched += 1;
        let turn = self.matched.checked_sub(after).filter(|it| *it > 0)?;
        if turn % every != 0 || probability.is_some_and(|(it, _)| self.roll() >= it) {
            return None;
        }
        self.acted += 1;
        Some(self.rule.effect.clone())
    }

    /// The next number from 0 to below 1, by SplitMix64.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.dice;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Wanted {
    fn admits(&self, sight: &Sight<'_>) -> bool {
        let request = sight.request;
        let region = &request.region().name;
        (self.operations.is_empty() || self.operations.contains(&sight.operation))
            && self.database.as_ref().is_none_or(|it| sight.is_in_database(it))
            && self.container.as_ref().is_none_or(|it| sight.is_in_container(it))
            && self.region.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(region))
            && (!self.only_global || request.is_global)
            && self.key.as_ref().is_none_or(|it| sight.has_key(it))
            && self.header.as_ref().is_none_or(|(name, value)| sight.has_header(name, value))
            && self.range_id.as_ref().is_none_or(|it| sight.range_id() == Some(it))
    }
}

impl<'a> Sight<'a> {
    pub(crate) fn new(
        emulator: &'a Inner,
        request: &'a Request<'a>,
        operation: EmulatorOperation,
    ) -> Self {
        Self { emulator, request, operation, range_id: OnceCell::new() }
    }

    /// Whether the database of the path has this name, in whichever way the path says it.
    fn is_in_database(&self, name: &str) -> bool {
        let id = self.request.segment(1);
        let by_rid = || self.emulator.read().database(id).is_some_and(|it| it.id == name);
        id == name || rid::is_database(id) && by_rid()
    }

    fn is_in_container(&self, name: &str) -> bool {
        let (database, id) = (self.request.segment(1), self.request.segment(3));
        let by_rid = || {
            let account = self.emulator.read();
            let container = account.database(database).and_then(|it| it.container(id));
            container.is_some_and(|it| it.id() == name)
        };
        id == name || rid::is_database(database) && by_rid()
    }

    fn has_key(&self, wanted: &str) -> bool {
        self.key().is_some_and(|it| it.header_value() == wanted)
    }

    fn key(&self) -> Option<PartitionKey> {
        PartitionKey::from_header_value(self.request.header(&header::PARTITION_KEY)?).ok()
    }

    fn has_header(&self, name: &str, value: &str) -> bool {
        let actual = self.request.headers.get(name).and_then(|it| it.to_str().ok());
        actual.is_some_and(|it| it.eq_ignore_ascii_case(value))
    }

    /// The partition key range that is named, or that the key belongs to.
    fn range_id(&self) -> Option<&String> {
        self.range_id.get_or_init(|| self.find_range_id()).as_ref()
    }

    fn find_range_id(&self) -> Option<String> {
        if let Some(named) = self.request.header(&header::PARTITION_KEY_RANGE_ID) {
            return Some(named.rsplit(',').next().unwrap_or(named).to_owned());
        }
        let key = self.key()?;
        let account = self.emulator.read();
        let container =
            account.database(self.request.segment(1))?.container(self.request.segment(3))?;
        let epk = container.rules.epk(&key);
        container.partition_at(&epk).map(|it| it.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let rolls = |seed| {
            let rule = FaultRule::unavailable();
            let mut entry = Entry { rule, matched: 0, acted: 0, dice: seed };
            (0..1000).map(|_| entry.roll()).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
        let low = rolls(7).iter().filter(|it| **it < 0.25).count();
        assert!((200..300).contains(&low), "{low}");
    }
}
