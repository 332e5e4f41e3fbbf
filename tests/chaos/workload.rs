//! What the threads of a schedule do.
//!
//! Each thread has items that it alone writes: registers, which it writes over and over, and a ledger, to which it
//! adds and from which it takes away. Counters are added to by all. Stones were there before, and never change.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cosmosdb::{BatchOperation, BulkOperation, Etag, Operation, Patch};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::history::{Effect, Mark, Name, THREADS, Write};
use crate::random::Random;
use crate::schedule::Step;

const KEYS: usize = 12;
const STONES: usize = 60;
const COUNTERS: usize = 4;
const REGISTERS: usize = 3;

/// What the threads share.
#[derive(Debug, Default)]
pub(crate) struct Board {
    marks: AtomicU64,
    /// Threads that are at work.
    pub(crate) working: AtomicUsize,
    /// Items that may be there, of all threads.
    names: Mutex<Vec<Name>>,
    /// Session tokens, for others to take.
    tokens: Mutex<Vec<String>>,
}

impl Board {
    pub(crate) fn mark(&self) -> Mark {
        self.marks.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn add(&self, name: &Name) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
    }

    fn any(&self, random: &mut Random) -> Name {
        random.pick(&self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give(&self, caller: &Caller<'_>) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = caller.give(tokens.len()) {
            tokens.push(token);
        }
    }

    fn take(&self, caller: &Caller<'_>, random: &mut Random) {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if !tokens.is_empty() {
            // One of the last, which is news most often.
            let number = tokens.len() - 1 - random.below(tokens.len().min(3));
            caller.take(number, &tokens[number]);
        }
    }
}

/// Makes what is there before everything else.
pub(crate) fn set_up(caller: &Caller<'_>, board: &Board) {
    let stones = (0..STONES).map(|it| (it, format!("stone-{it}")));
    for (number, id) in stones.chain((0..COUNTERS).map(|it| (it, format!("counter-{it}")))) {
        let name = Name::new(&key(number), &id);
        let mark = board.mark();
        let item = if name.is_counter() { counter(&name, &[mark]) } else { owned(&name, mark) };
        let effect = if name.is_counter() { Effect::Add } else { Effect::Put };
        let write = Write { item: name.clone(), mark, effect };
        caller.write(write, || caller.container.create_item(&item).send());
        board.add(&name);
    }
    board.give(caller);
}

/// Lets a client see what was set up.
pub(crate) fn introduce(caller: &Caller<'_>, board: &Board) {
    board.take(caller, &mut Random::new(0));
}

/// A thread at work.
pub(crate) struct Worker<'a> {
    pub(crate) caller: Caller<'a>,
    board: &'a Board,
    random: Random,
    registers: Vec<(Name, Option<Etag>)>,
    /// Items of the ledger that are surely there.
    ledger: Vec<Name>,
    created: usize,
    /// Where its change feed is; `None` before the first page.
    pub(crate) place: Option<String>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(caller: Caller<'a>, board: &'a Board, mut random: Random) -> Self {
        let thread = caller.thread;
        let register = |it| Name::new(&key(random.below(KEYS)), &format!("register-{thread}-{it}"));
        let registers: Vec<_> = (0..REGISTERS).map(register).map(|it| (it, None)).collect();
        registers.iter().for_each(|it| board.add(&it.0));
        Self { caller, board, random, registers, ledger: Vec::new(), created: 0, place: None }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Create => self.create(),
            Step::Upsert => self.upsert(),
            Step::Replace => self.replace(),
            Step::Increment => self.increment(),
            Step::CompareAndSwap => self.compare_and_swap(),
            Step::Delete => self.delete(),
            Step::Read => {
                let name = self.board.any(&mut self.random);
                self.caller.read(&name);
            }
            Step::Batch => self.batch(),
            Step::QueryKey => self.query(true, false),
            Step::QueryAll => self.query(false, false),
            Step::QueryOrdered => self.query(false, true),
            Step::ReadMany => {
                let count = 1 + self.random.below(15);
                let mut names: Vec<Name> =
                    (0..count).map(|_| self.board.any(&mut self.random)).collect();
                names.sort_unstable();
                names.dedup();
                self.caller.read_many(&names);
            }
            Step::Bulk => self.bulk(),
            Step::ChangeFeed => {
                let size = self.page_size();
                // What went wrong is in the history.
                let _ = self.caller.change_feed(&mut self.place, size);
            }
            Step::Give => self.board.give(&self.caller),
            Step::Take => self.board.take(&self.caller, &mut self.random),
        }
    }

    fn create(&mut self) {
        let key = key(self.random.below(KEYS));
        let (name, write) = self.entry(&key);
        let item = owned(&name, write.mark);
        let caller = &self.caller;
        if caller.write(write, || caller.container.create_item(&item).send()).is_some() {
            self.ledger.push(name);
        }
    }

    fn upsert(&mut self) {
        let at = self.random.below(REGISTERS);
        let name = self.registers[at].0.clone();
        let write = self.put(&name);
        let item = owned(&name, write.mark);
        let caller = &self.caller;
        self.registers[at].1 = caller.write(write, || caller.container.upsert_item(&item).send());
    }

    /// Of the version that the thread knows, if it knows one.
    fn replace(&mut self) {
        let at = self.random.below(REGISTERS);
        let (name, etag) = self.registers[at].clone();
        let etag = etag.or_else(|| self.caller.read(&name)?.1);
        let write = self.put(&name);
        let item = owned(&name, write.mark);
        let caller = &self.caller;
        self.registers[at].1 = caller.write(write, || {
            caller.container.replace_item(&name.id, &item).set(etag, Operation::if_match).send()
        });
    }

    fn increment(&mut self) {
        let (name, write, patch) = self.addition();
        let caller = &self.caller;
        caller.write(write, || {
            caller.container.patch_item(&name.id, name.key.as_str(), patch).send()
        });
    }

    fn compare_and_swap(&mut self) {
        let (name, write, _) = self.addition();
        let Some((mut item, Some(etag))) = self.caller.read(&name) else { return };
        item["sum"] = json!(item["sum"].as_i64().unwrap_or(0) + 1);
        item["marks"][write.mark.to_string()] = json!(1);
        let caller = &self.caller;
        caller
            .write(write, || caller.container.replace_item(&name.id, &item).if_match(etag).send());
    }

    /// Of a register, or of an entry of the ledger.
    fn delete(&mut self) {
        let name = if self.ledger.is_empty() || self.random.percent(40) {
            let register = self.random.below(REGISTERS);
            self.registers[register].1 = None;
            self.registers[register].0.clone()
        } else {
            let entry = self.random.below(self.ledger.len());
            self.ledger.swap_remove(entry)
        };
        let write = Write { item: name.clone(), mark: self.board.mark(), effect: Effect::Delete };
        let caller = &self.caller;
        caller.write(write, || caller.container.delete_item(&name.id, name.key.as_str()).send());
    }

    /// Two entries of the ledger, and a step of a counter.
    fn batch(&mut self) {
        let (counter, step, patch) = self.addition();
        let (first, create_first) = self.entry(&counter.key);
        let (second, create_second) = self.entry(&counter.key);
        let operations = vec![
            BatchOperation::create(&owned(&first, create_first.mark)),
            BatchOperation::patch(&counter.id, patch),
            BatchOperation::create(&owned(&second, create_second.mark)),
        ];
        self.caller.batch(&counter.key, operations, vec![create_first, step, create_second]);
    }

    fn bulk(&mut self) {
        let (mut operations, mut writes) = (Vec::new(), Vec::new());
        for _ in 0..=self.random.below(20) {
            let key = key(self.random.below(KEYS));
            let (name, write) = self.entry(&key);
            operations.push(BulkOperation::create(&owned(&name, write.mark)));
            writes.push(write);
        }
        let done = self.caller.bulk(operations, writes);
        self.ledger.extend(done);
    }

    fn query(&mut self, one_key: bool, is_ordered: bool) {
        let key = one_key.then(|| key(self.random.below(KEYS)));
        let size = self.page_size() * if one_key { 1 } else { 5 };
        self.caller.query(key.as_deref(), is_ordered, size);
    }

    fn page_size(&mut self) -> i32 {
        self.random.between(3, 40) as i32
    }

    /// A new entry of the ledger.
    fn entry(&mut self, key: &str) -> (Name, Write) {
        let name = Name::new(key, &format!("ledger-{}-{}", self.caller.thread, self.created));
        self.created += 1;
        self.board.add(&name);
        let write = self.put(&name);
        (name, write)
    }

    fn put(&self, name: &Name) -> Write {
        Write { item: name.clone(), mark: self.board.mark(), effect: Effect::Put }
    }

    fn addition(&mut self) -> (Name, Write, Patch) {
        let number = self.random.below(COUNTERS);
        let name = Name::new(&key(number), &format!("counter-{number}"));
        let mark = self.board.mark();
        let patch = Patch::new().incr("/sum", 1).incr(&format!("/marks/{mark}"), 1);
        (name.clone(), Write { item: name, mark, effect: Effect::Add }, patch)
    }
}

fn key(number: usize) -> String {
    format!("key-{}", number % KEYS)
}

fn owned(name: &Name, mark: Mark) -> Value {
    json!({ "id": name.id, "pk": name.key, "mark": mark })
}

fn counter(name: &Name, marks: &[Mark]) -> Value {
    let all: serde_json::Map<String, Value> =
        marks.iter().map(|it| (it.to_string(), json!(1))).collect();
    json!({ "id": name.id, "pk": name.key, "sum": marks.len(), "marks": all })
}

/// All that work, before any begins.
pub(crate) fn all_at_work(board: &Board) {
    board.working.store(THREADS, Ordering::SeqCst);
}
