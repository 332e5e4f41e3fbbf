//! Workers that share, die and come back, moved step by step on one virtual clock.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;

use super::*;
use crate::ErrorKind;
use crate::clock::{Clock, VirtualClock};
use crate::feed::StopHandle;
use crate::feed::fake::{Fake, lost, refused};

const DURATION: Duration = Duration::from_secs(60);
const ROUND: Duration = Duration::from_secs(10);

/// What all workers of a test have handled.
#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<String>>>);

impl Handled {
    fn processor(&self, fake: &Fake, worker: &str) -> ChangeFeedProcessor<Value> {
        let handled = Arc::clone(&self.0);
        fake.container("items")
            .change_feed_processor::<Value>("p", &fake.container("leases"))
            .worker(worker)
            .lease_duration(DURATION)
            .max_item_count(3)
            .from_beginning()
            .handle(move |page| {
                let ids = page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned());
                handled.lock().unwrap().extend(ids);
                Ok(())
            })
    }

    /// A worker that has made its first round.
    fn worker(&self, fake: &Fake, name: &str) -> Worker {
        Worker::of(self.processor(fake, name))
    }

    fn take(&self) -> Vec<String> {
        let mut ids = std::mem::take(&mut *self.0.lock().unwrap());
        ids.sort();
        ids
    }

    fn take_distinct(&self) -> Vec<String> {
        self.take().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

struct Worker {
    keeper: Keeper,
    pump: Pump<Value>,
}

impl Worker {
    fn of(processor: ChangeFeedProcessor<Value>) -> Self {
        let (mut keeper, pump) = processor.into_worker().unwrap();
        keeper.round().unwrap();
        Self { keeper, pump }
    }

    /// Handles all that there is.
    fn drain(&mut self) {
        while self.pump.pass(&StopHandle::new()) {}
    }

    fn holds(&self) -> usize {
        self.keeper.board.all().len()
    }
}

/// Some rounds of all workers, with their reads between.
fn live(fake: &Fake, workers: &mut [&mut Worker], rounds: u32) {
    for _ in 0..rounds {
        fake.clock().advance(ROUND);
        for worker in workers.iter_mut() {
            // A failed round is reported and the next one tried.
            let _ = worker.keeper.round();
            worker.drain();
        }
    }
}

fn twelve() -> Fake {
    Fake::new(&["", "10", "20", "30", "40", "60", "80", "90", "A0", "B0", "C0", "E0"])
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|it| format!("{it:03}")).collect()
}

#[test]
fn workers_share_the_ranges_and_handle_everything_once() {
    let (fake, handled) = (twelve(), Handled::default());
    fake.write_many(0, 50);
    let mut one = handled.worker(&fake, "w1");
    assert_eq!(one.holds(), 12);
    let (mut two, mut three) = (handled.worker(&fake, "w2"), handled.worker(&fake, "w3"));
    live(&fake, &mut [&mut one, &mut two, &mut three], 2);
    assert_eq!([one.holds(), two.holds(), three.holds()], [4, 4, 4]);
    assert_eq!(handled.take(), ids(0..50));
    fake.write_many(40, 60);
    live(&fake, &mut [&mut one, &mut two, &mut three], 10);
    assert_eq!([one.holds(), two.holds(), three.holds()], [4, 4, 4], "and it stays so");
    assert_eq!(handled.take(), ids(40..60));
}

#[test]
fn the_ranges_of_a_dead_worker_are_with_others_within_the_lease_duration() {
    let (fake, handled) = (twelve(), Handled::default());
    let (mut one, mut two) = (handled.worker(&fake, "w1"), handled.worker(&fake, "w2"));
    let mut three = handled.worker(&fake, "w3");
    live(&fake, &mut [&mut one, &mut two, &mut three], 3);
    fake.write_many(0, 50);
    drop(three);
    let died = fake.clock().monotonic();
    live(&fake, &mut [&mut one, &mut two], 2);
    assert_eq!([one.holds(), two.holds()], [4, 4], "two rounds of silence are no death");
    fake.split("5", "70");
    while one.holds() + two.holds() < 13 {
        live(&fake, &mut [&mut one, &mut two], 1);
    }
    assert!(fake.clock().monotonic() - died <= DURATION);
    assert!(one.holds().abs_diff(two.holds()) <= 1);
    assert_eq!(handled.take(), ids(0..50));
}

#[test]
fn a_split_divides_the_lease_and_a_merge_leaves_both() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    fake.write_many(0, 30);
    let (mut one, mut two) = (handled.worker(&fake, "w1"), handled.worker(&fake, "w2"));
    live(&fake, &mut [&mut one, &mut two], 2);
    assert_eq!(handled.take(), ids(0..30));
    fake.split("0", "40");
    fake.split("2", "20");
    fake.write_many(20, 60);
    live(&fake, &mut [&mut one, &mut two], 3);
    assert_eq!(handled.take(), ids(20..60));
    assert_eq!((fake.leases().len() - 1, one.holds(), two.holds()), (4, 2, 2));
    fake.merge("4", "5");
    fake.merge("6", "3");
    fake.write_many(10, 70);
    live(&fake, &mut [&mut one, &mut two], 1);
    assert_eq!(handled.take(), ids(10..70));
    assert_eq!(one.holds() + two.holds(), 4);
}

#[test]
fn a_worker_that_dies_while_it_splits_a_lease_leaves_nothing_out() {
    let (fake, handled) = (Fake::new(&[""]), Handled::default());
    fake.write_many(0, 30);
    let mut one = handled.worker(&fake, "w1");
    one.drain();
    fake.split("0", "80");
    fake.write_many(30, 60);
    // One part is made, then every write fails.
    let made = AtomicU32::new(0);
    fake.hook(move |request| {
        let is_lease = request.uri().path().contains("/leases/docs");
        let is_write = is_lease && !request.headers().contains_key("x-ms-documentdb-isquery");
        (is_write && request.method() != "GET" && made.fetch_add(1, Ordering::Relaxed) > 0)
            .then(lost)
    });
    one.pump.pass(&StopHandle::new());
    drop(one);
    fake.hook(|_| None);
    assert_eq!(fake.leases().len(), 3, "the plan, the whole, and a half of it");
    let mut two = handled.worker(&fake, "w2");
    live(&fake, &mut [&mut two], 6);
    assert_eq!(handled.take_distinct(), ids(0..60));
    assert_eq!((fake.leases().len(), two.holds()), (3, 2), "the plan and two halves");
}

#[test]
fn a_page_that_fails_comes_again_and_only_that() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    fake.write_many(0, 20);
    let errors = Arc::new(AtomicU32::new(0));
    let (fails, seen) = (AtomicBool::new(true), Arc::clone(&errors));
    let all = Arc::clone(&handled.0);
    let processor = handled.processor(&fake, "w1").handle(move |page| {
        if page.items().iter().any(|it| it["id"] == "007") && fails.swap(false, Ordering::Relaxed) {
            return Err("not this one".into());
        }
        let ids = page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        all.lock().unwrap().extend(ids);
        Ok(())
    });
    let mut worker = Worker::of(processor.on_error(move |error| {
        assert_eq!(error.to_string(), "not this one");
        seen.fetch_add(1, Ordering::Relaxed);
    }));
    worker.drain();
    worker.drain();
    assert!(handled.take().len() < 20, "the part rests before the page comes again");
    fake.clock().advance(POLL_INTERVAL);
    worker.drain();
    let missing = handled.take();
    assert!(missing.contains(&"007".to_owned()));
    assert_eq!(errors.load(Ordering::Relaxed), 1);
}

#[test]
fn lost_answers_to_writes_of_leases_cost_no_change() {
    let (fake, handled) = (twelve(), Handled::default());
    fake.write_many(0, 50);
    let (mut one, mut two) = (handled.worker(&fake, "w1"), handled.worker(&fake, "w2"));
    let (count, inner) = (AtomicU32::new(0), fake.clone());
    fake.hook(move |request| {
        let is_write = request.uri().path().contains("/leases/docs/") && request.method() == "PUT";
        if !is_write || count.fetch_add(1, Ordering::Relaxed) % 3 != 0 {
            return None;
        }
        // Every third write is carried out, and nobody hears of it.
        let _ = crate::transport::Transport::send(&inner, request, DURATION);
        Some(lost())
    });
    live(&fake, &mut [&mut one, &mut two], 12);
    fake.write_many(50, 80);
    live(&fake, &mut [&mut one, &mut two], 12);
    assert_eq!(handled.take_distinct(), ids(0..80));
    assert_eq!(one.holds() + two.holds(), 12);
}

#[test]
fn a_worker_that_cannot_renew_stops_before_others_begin() {
    let (fake, handled) = (twelve(), Handled::default());
    let mut one = handled.worker(&fake, "w1");
    fake.write_many(0, 20);
    fake.clock().advance(ROUND * 3 + Duration::from_secs(1));
    one.drain();
    assert!(handled.take().is_empty());
    one.keeper.round().unwrap();
    one.drain();
    assert_eq!(handled.take(), ids(0..20));
}

#[test]
fn a_lease_that_another_worker_took_is_let_go_of() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    let mut one = handled.worker(&fake, "w1");
    one.drain();
    let mut two = handled.worker(&fake, "w2");
    assert_eq!((one.holds(), two.holds()), (2, 1), "the first does not know yet");
    fake.write_many(0, 20);
    one.drain();
    assert_eq!(one.holds(), 1, "it was told when it noted how far it is");
    two.drain();
    assert_eq!(handled.take_distinct(), ids(0..20));
}

#[test]
fn all_workers_begin_with_the_plan_of_the_first() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    // The second worker starts while the first one is making its plan from an older map.
    let started = AtomicBool::new(false);
    let (inner, others) = (fake.clone(), handled.clone());
    let second = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&second);
    fake.hook(move |request| {
        let is_plan = request.method() == "POST" && request.uri().path().ends_with("/leases/docs");
        if is_plan && !started.swap(true, Ordering::Relaxed) {
            inner.split("0", "40");
            *slot.lock().unwrap() = Some(others.worker(&inner, "w2"));
        }
        None
    });
    let mut one = handled.worker(&fake, "w1");
    let mut two = second.lock().unwrap().take().unwrap();
    fake.write_many(0, 30);
    live(&fake, &mut [&mut one, &mut two], 3);
    assert_eq!(fake.leases().len() - 1, 3);
    assert_eq!(handled.take(), ids(0..30));
}

#[test]
fn leases_begin_where_their_processor_first_began() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    fake.write_many(0, 10);
    let from_now = || handled.processor(&fake, "w1").from_now();
    drop(Worker::of(from_now()));
    fake.write_many(10, 20);
    Worker::of(from_now()).drain();
    assert_eq!(handled.take(), ids(10..20));
}

#[test]
fn the_estimate_counts_what_is_not_handled_yet() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    let processor = || handled.processor(&fake, "w1");
    assert_eq!(processor().remaining().unwrap(), 0);
    let mut one = handled.worker(&fake, "w1");
    fake.write("1", "a", "u");
    assert_eq!(processor().remaining().unwrap(), 1);
    one.drain();
    assert_eq!(processor().remaining().unwrap(), 0);
    let estimate = processor().estimate().unwrap();
    assert_eq!(estimate.len(), 2);
    assert!(estimate.iter().all(|it| it.worker.as_deref() == Some("w1") && it.remaining == 0));
}

#[test]
fn mistakes_are_told_at_the_start() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    let (items, leases) = (fake.container("items"), fake.container("leases"));
    let of = |leases| items.change_feed_processor::<Value>("p", leases);
    for (error, word) in [
        (of(&leases).start().unwrap_err(), "no handler"),
        (of(&items).handle(|_| Ok(())).start().unwrap_err(), "must be /id"),
        (
            of(&leases).lease_duration(Duration::ZERO).handle(|_| Ok(())).start().unwrap_err(),
            "less than",
        ),
        (of(&leases).max_item_count(0).handle(|_| Ok(())).start().unwrap_err(), "page size"),
        (
            items
                .change_feed_processor::<Value>("a/b", &leases)
                .handle(|_| Ok(()))
                .start()
                .unwrap_err(),
            "not allowed",
        ),
        (
            of(&leases)
                .from_beginning()
                .all_versions_and_deletes()
                .handle(|_| Ok(()))
                .start()
                .unwrap_err(),
            "starts now",
        ),
    ] {
        assert!(
            error.kind() == ErrorKind::InvalidInput && error.to_string().contains(word),
            "{error}"
        );
    }
    drop(handled.worker(&fake, "w1"));
    let other = of(&leases).all_versions_and_deletes().handle(|_| Ok(())).start().unwrap_err();
    assert!(other.to_string().contains("of the mode"), "{other}");
}

#[test]
fn deletions_reach_a_handler_that_asked_for_them() {
    let fake = Fake::new(&["", "80"]);
    let (sender, receiver) = std::sync::mpsc::channel();
    let worker = fake
        .container("items")
        .change_feed_processor::<Value>("p", &fake.container("leases"))
        .all_versions_and_deletes()
        .handle(move |page| {
            for change in page.items() {
                sender.send(change.is_delete())?;
            }
            Ok(())
        })
        .start()
        .unwrap();
    assert_eq!(worker.feed_ranges().len(), 2);
    fake.write("1", "a", "u");
    fake.delete("1", "a", "u");
    let wait = Duration::from_secs(60);
    assert_eq!((receiver.recv_timeout(wait), receiver.recv_timeout(wait)), (Ok(false), Ok(true)));
    worker.stop().unwrap();
    let owners: Vec<Value> = fake
        .leases()
        .iter()
        .filter(|it| it["kind"] == "lease")
        .map(|it| it["owner"].clone())
        .collect();
    assert_eq!(owners, [Value::Null, Value::Null]);
}

#[test]
fn a_handler_that_panics_ends_its_worker_and_gives_the_leases_back() {
    let fake = Fake::new(&[""]);
    fake.write("1", "a", "u");
    let worker = fake
        .container("items")
        .change_feed_processor::<Value>("p", &fake.container("leases"))
        .from_beginning()
        .handle(|_| panic!("on purpose"))
        .start()
        .unwrap();
    while worker.is_running() {
        std::thread::yield_now();
    }
    assert!(worker.stop().unwrap_err().to_string().contains("the handler"));
    assert!(fake.leases().iter().all(|it| it["owner"].is_null()));
}

#[test]
fn requests_that_fail_are_reported_and_the_worker_goes_on() {
    let (fake, handled) = (Fake::new(&["", "80"]), Handled::default());
    fake.write_many(0, 20);
    let errors = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&errors);
    let processor = handled.processor(&fake, "w1").on_error(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    let mut worker = Worker::of(processor);
    let count = AtomicU32::new(0);
    fake.hook(move |request| {
        let is_feed = request.uri().path().ends_with("/items/docs");
        (is_feed && count.fetch_add(1, Ordering::Relaxed) < 5).then(|| Ok(refused(403, 0)))
    });
    live(&fake, &mut [&mut worker], 4);
    assert!(errors.load(Ordering::Relaxed) >= 2);
    assert_eq!(handled.take(), ids(0..20));
    let _: VirtualClock = fake.clock();
    assert!(fake.clock().monotonic() > ROUND);
}
