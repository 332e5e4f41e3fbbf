//! A change feed shared out among workers: in threads, and in processes one of which is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use cosmosdb::{ChangeFeedProcessor, Container, ProcessorHandle};
use serde_json::{Value, json};

use crate::backend::{Account, Owned};

on_every_backend! {
    two_workers_handle_everything,
    a_worker_that_stops_hands_over,
    a_page_whose_handler_fails_comes_again,
    what_is_still_to_come_is_estimated,
    a_split_container_is_handled_to_the_end,
}

const DURATION: Duration = Duration::from_millis(500);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Setup {
    items: Container,
    leases: Container,
    _owned: Owned<Container>,
}

impl Setup {
    fn new(account: &Account) -> Self {
        let owned = account.container("/pk");
        let database = owned.database();
        let leases = cosmosdb::ContainerProperties::new("leases", "/id");
        database.create_container(leases).send().unwrap();
        Self {
            items: database.container(owned.id()),
            leases: database.container("leases"),
            _owned: owned,
        }
    }

    fn processor(&self, worker: &str) -> ChangeFeedProcessor<Value> {
        self.items
            .change_feed_processor("copy", &self.leases)
            .worker(worker)
            .lease_duration(DURATION)
            .poll_interval(Duration::from_millis(20))
            .max_item_count(5)
            .from_beginning()
    }

    /// A worker that sends the ids that it handles.
    fn start(&self, worker: &str, sender: &Sender<String>) -> ProcessorHandle {
        let sender = sender.clone();
        let handler = move |page: cosmosdb::FeedPage<Value>| {
            for item in page.items() {
                sender.send(item["id"].as_str().unwrap_or_default().to_owned())?;
            }
            Ok(())
        };
        self.processor(worker).handle(handler).start().unwrap()
    }

    fn write(&self, range: std::ops::Range<usize>) {
        for number in range {
            let item = json!({ "id": number.to_string(), "pk": format!("p{}", number % 17) });
            self.items.upsert_item(&item).send().unwrap();
        }
    }
}

/// Waits until `count` different ids were handled.
fn wait_for(receiver: &std::sync::mpsc::Receiver<String>, count: usize) {
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        let id = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("only {seen:?}"));
        seen.insert(id);
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn two_workers_handle_everything(account: &Account) {
    let setup = Setup::new(account);
    let ranges = setup.items.feed_ranges().unwrap().len();
    let (sender, receiver) = channel();
    setup.write(0..30);
    let one = setup.start("w1", &sender);
    let two = setup.start("w2", &sender);
    setup.write(30..60);
    wait_for(&receiver, 60);
    let share = ranges / 2;
    wait_until("the ranges are shared", || {
        let (one, two) = (one.feed_ranges().len(), two.feed_ranges().len());
        one + two == ranges && one >= share && two >= share
    });
    one.stop().unwrap();
    two.stop().unwrap();
}

fn a_worker_that_stops_hands_over(account: &Account) {
    let setup = Setup::new(account);
    let (sender, receiver) = channel();
    let one = setup.start("w1", &sender);
    setup.write(0..20);
    wait_for(&receiver, 20);
    one.stop().unwrap();
    setup.write(20..40);
    let two = setup.start("w2", &sender);
    let mut told = BTreeSet::new();
    while told.len() < 20 {
        told.insert(receiver.recv_timeout(PATIENCE).unwrap().parse::<usize>().unwrap());
    }
    assert_eq!(told, (20..40).collect(), "what the first one handled does not come again");
    two.stop().unwrap();
}

fn a_page_whose_handler_fails_comes_again(account: &Account) {
    let setup = Setup::new(account);
    setup.write(0..20);
    let (sender, receiver) = channel();
    let (errors, failures) = channel();
    let has_failed = std::sync::atomic::AtomicBool::new(false);
    let worker = setup
        .processor("w1")
        .handle(move |page| {
            if !has_failed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return Err("not now".into());
            }
            for item in page.items() {
                sender.send(item["id"].as_str().unwrap_or_default().to_owned())?;
            }
            Ok(())
        })
        .on_error(move |error| {
            let _ = errors.send(error.to_string());
        })
        .start()
        .unwrap();
    wait_for(&receiver, 20);
    assert_eq!(failures.recv().unwrap(), "not now");
    worker.stop().unwrap();
}

fn what_is_still_to_come_is_estimated(account: &Account) {
    let setup = Setup::new(account);
    let (sender, receiver) = channel();
    assert_eq!(setup.processor("any").remaining().unwrap(), 0);
    let worker = setup.start("w1", &sender);
    setup.write(0..10);
    wait_for(&receiver, 10);
    worker.stop().unwrap();
    assert_eq!(setup.processor("any").remaining().unwrap(), 0);
    setup.write(10..25);
    let remaining = setup.processor("any").remaining().unwrap();
    assert!((1..=15).contains(&remaining), "{remaining}");
    let estimate = setup.processor("any").estimate().unwrap();
    assert_eq!(estimate.len(), setup.items.feed_ranges().unwrap().len());
    assert!(estimate.iter().all(|it| it.worker.is_none()));
}

fn a_split_container_is_handled_to_the_end(account: &Account) {
    let Some(emulator) = &account.emulator else { return };
    let setup = Setup::new(account);
    let (sender, receiver) = channel();
    setup.write(0..30);
    let worker = setup.start("w1", &sender);
    wait_for(&receiver, 30);
    let before = setup.items.feed_ranges().unwrap().len();
    emulator.split(setup.items.database().id(), setup.items.id(), "0").unwrap();
    setup.write(30..60);
    wait_for(&receiver, 30);
    wait_until("the lease is split", || worker.feed_ranges().len() == before + 1);
    worker.stop().unwrap();
}

/// The lease duration of the processes below: long enough for a busy machine.
const LEASE_OF_PROCESSES: Duration = Duration::from_secs(2);

/// What a process is told when it is to be a worker of the test below.
const WORKER: &str = "COSMOSDB_TEST_PROCESSOR";

/// Does nothing in a normal run; the processes of the next test run it, as their worker.
#[test]
fn a_worker_in_a_process() {
    let Ok(told) = std::env::var(WORKER) else { return };
    let [url, key, database, worker] = told.split('|').collect::<Vec<_>>()[..] else {
        panic!("{told}")
    };
    let client = cosmosdb::CosmosClient::new(url, key).unwrap();
    let database = client.database(database);
    let (items, handled) = (database.container("items"), database.container("handled"));
    let name = worker.to_owned();
    let _worker = items
        .change_feed_processor::<Value>("copy", &database.container("leases"))
        .worker(worker)
        .lease_duration(LEASE_OF_PROCESSES)
        .poll_interval(Duration::from_millis(50))
        .max_item_count(5)
        .from_beginning()
        .handle(move |page| {
            for item in page.items() {
                handled.upsert_item(&json!({ "id": item["id"], "by": name })).send()?;
            }
            Ok(())
        })
        .start()
        .unwrap();
    // Until it is killed.
    loop {
        std::thread::park();
    }
}

#[test]
fn three_processes_share_twelve_ranges_and_lose_nothing_when_one_is_killed() {
    let emulator = cosmosdb::Emulator::builder().partitions(12).build().unwrap();
    let server = emulator.serve("127.0.0.1:0").unwrap();
    let client = cosmosdb::CosmosClient::new(server.url(), emulator.key()).unwrap();
    client.create_database("db").send().unwrap();
    let database = client.database("db");
    for (id, key) in [("items", "/pk"), ("leases", "/id"), ("handled", "/id")] {
        let properties = cosmosdb::ContainerProperties::new(id, key);
        database.create_container(properties).send().unwrap();
    }
    let (items, leases) = (database.container("items"), database.container("leases"));
    let write = |range: std::ops::Range<usize>| {
        for number in range {
            let item = json!({ "id": number.to_string(), "pk": number });
            items.upsert_item(&item).send().unwrap();
        }
    };
    let handled = || {
        let query = database.container("handled").query_items::<String>("SELECT VALUE c.id FROM c");
        query.into_iter().map(Result::unwrap).collect::<BTreeSet<_>>().len()
    };
    let shares = || {
        let processor = items.change_feed_processor::<Value>("copy", &leases);
        let mut shares = BTreeMap::<Option<String>, usize>::new();
        for lease in processor.estimate().unwrap() {
            *shares.entry(lease.worker).or_default() += 1;
        }
        shares
    };
    let start = |worker: &str| {
        let told = format!("{}|{}|db|{worker}", server.url(), emulator.key());
        let program = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(program);
        command.args(["--exact", "processor::a_worker_in_a_process"]).env(WORKER, told);
        Killed(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    };

    write(0..100);
    let (_one, _two, three) = (start("w1"), start("w2"), start("w3"));
    wait_until("four ranges each", || {
        let shares = shares();
        shares.len() == 3 && shares.values().all(|it| *it == 4)
    });
    wait_until("the first hundred", || handled() == 100);

    write(100..150);
    drop(three);
    let killed = Instant::now();
    emulator.split("db", "items", "5").unwrap();
    write(150..250);
    wait_until("the ranges of the dead are with the living", || {
        let shares = shares();
        shares.len() == 2 && shares.values().all(|it| (6..=7).contains(it))
    });
    let after = killed.elapsed();
    wait_until("all of it", || handled() == 250);
    assert_eq!(shares().values().sum::<usize>(), 13, "the lease of the split range was split");
    // In virtual time it is one lease duration at most; a busy machine gets some more.
    assert!(after < LEASE_OF_PROCESSES * 3, "it took {after:?}");
}

/// A process that is killed when the test is through with it.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // SIGKILL on Unix: the process has no chance to give anything back.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
