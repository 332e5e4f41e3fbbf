//! What goes wrong, and what must not.

use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::fake::{Fake, Run};
use super::*;
use crate::error::{Error, ErrorKind};

/// All rows before the error, and the error.
fn read_until_error(fake: &Arc<Fake>, options: Options) -> (Vec<Value>, Error) {
    let mut pipeline = open(fake, options, None).unwrap();
    let mut rows = Vec::new();
    loop {
        match pipeline.next_page() {
            Ok(page) => rows.extend(values(&page.expect("an error comes before the end"))),
            Err(error) => {
                assert!(pipeline.next_page().unwrap().is_none());
                return (rows, error);
            }
        }
    }
}

#[test]
fn an_error_comes_behind_the_rows_before_it() {
    for options in ways() {
        let whole = Arc::new(Fake::plain(5, items(40), QueryInfo::default()));
        let all = read(&whole, options).unwrap();
        let end = 2 * 255 / 5;
        let before = whole.items.iter().filter(|it| u16::from(it.epk) < end).count();
        let mut fake = Fake::plain(5, items(40), QueryInfo::default());
        fake.broken.push(("p2".into(), 503, 0));
        let (rows, error) = read_until_error(&Arc::new(fake), options);
        assert_eq!(error.status().unwrap().as_u16(), 503);
        assert_eq!(rows, all[..before], "{options:?}");
    }
}

#[test]
fn a_partition_that_is_gone_for_ever_ends_in_an_error() {
    for (status, sub_status, most) in
        [(410, 1002, 30), (410, 1007, 30), (410, 1008, 30), (410, 1000, 3), (410, 0, 3)]
    {
        for options in ways() {
            let mut fake = Fake::plain(3, items(12), QueryInfo::default());
            fake.broken.push(("p0".into(), status, sub_status));
            let fake = Arc::new(fake);
            let (rows, error) = read_until_error(&fake, options);
            assert!(rows.is_empty());
            assert_eq!(error.status().unwrap().as_u16(), status);
            if options.max_concurrency == 1 {
                assert!(fake.fetches() <= most, "{} fetches", fake.fetches());
            }
        }
    }
}

#[test]
fn a_partition_that_is_busy_for_a_while_is_asked_again() {
    for sub_status in [1002, 1007, 1008] {
        for options in ways() {
            let fake = Fake::plain(3, items(20), QueryInfo::default());
            let busy = (2..9).map(|it| (it, (410, sub_status)));
            fake.state.lock().unwrap().failures.extend(busy);
            let fake = Arc::new(fake);
            assert_eq!(sorted(read(&fake, options).unwrap()), sorted(items(20)));
            assert!(fake.state.lock().unwrap().pauses > 0);
        }
    }
}

#[test]
fn a_continuation_that_leads_nowhere_ends_the_partition() {
    for options in ways() {
        let mut fake = Fake::plain(3, items(20), QueryInfo::default());
        fake.repeats_continuation = true;
        assert_eq!(sorted(read(&Arc::new(fake), options).unwrap()), sorted(items(20)));

        let mut fake = Fake::plain(1, items(20), QueryInfo::default());
        (fake.starts_over, fake.default_page) = (true, 4);
        let fake = Arc::new(fake);
        let (_, error) = read_until_error(&fake, options);
        assert!(error.to_string().contains("never end"), "{error}");
        assert!(fake.fetches() < 50);
    }
}

/// Each fetch waits until all partitions are being fetched from.
#[test]
fn partitions_are_fetched_from_at_the_same_time() {
    let plain = |partitions| Fake::plain(partitions, items(40), QueryInfo::default());
    let order =
        json!({"orderBy": ["Ascending"], "orderByExpressions": ["c.a"], "rewrittenQuery": "r"});
    let run = Run::Sorted { columns: vec![("a", false)], copies: 1 };
    let sorted_fake = Fake::new(6, items(40), plan(order), run);
    for mut fake in [plain(6), sorted_fake] {
        fake.gate = Some(Arc::new(Barrier::new(6)));
        let options = Options { max_concurrency: 6, ..Options::default() };
        assert_eq!(read(&Arc::new(fake), options).unwrap().len(), 40);
    }
}

#[test]
fn without_concurrency_there_are_no_threads_and_nothing_is_fetched_ahead() {
    let fake = Arc::new(Fake::plain(6, items(40), QueryInfo::default()));
    let mut pipeline = open(&fake, Options::default(), None).unwrap();
    for number in 1..=6 {
        pipeline.next_page().unwrap().unwrap();
        assert_eq!(fake.fetches(), number);
    }
}

#[test]
fn the_buffer_bounds_what_is_fetched_ahead() {
    let fake = Arc::new(Fake::plain(6, items(200), QueryInfo::default()));
    let options = Options { max_concurrency: 3, max_buffered_items: 4, max_item_count: Some(2) };
    let mut pipeline = open(&fake, options, None).unwrap();
    pipeline.next_page().unwrap().unwrap();
    drop(pipeline);
    // One page was taken. Besides it there are those that fill the buffer, and what three threads had begun.
    assert!(fake.fetches() <= 1 + 2 + 3, "{} fetches", fake.fetches());
}

#[test]
fn a_dropped_query_ends_its_threads() {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        for pages in 0..4 {
            let fake = Arc::new(Fake::plain(7, items(100), QueryInfo::default()));
            let options =
                Options { max_concurrency: 7, max_buffered_items: 4, max_item_count: Some(1) };
            let mut pipeline = open(&fake, options, None).unwrap();
            for _ in 0..pages {
                pipeline.next_page().unwrap().unwrap();
            }
            drop(pipeline);
            assert_eq!(Arc::strong_count(&fake), 1, "no thread holds the backend any more");
        }
        done.send(()).unwrap();
    });
    waiting.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_backend_that_panics_on_a_thread_is_an_error_and_no_standstill() {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        for panics_at in 1..5 {
            let mut fake = Fake::plain(4, items(40), QueryInfo::default());
            fake.panics_at = Some(panics_at);
            let options = Options { max_concurrency: 2, ..Options::default() };
            let (_, error) = read_until_error(&Arc::new(fake), options);
            done.send(error.to_string()).unwrap();
        }
    });
    for _ in 1..5 {
        let message = waiting.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(message.contains("panicked"), "{message}");
    }
}

#[test]
fn continuations_of_something_else_are_refused() {
    let plain = Arc::new(Fake::plain(3, items(9), QueryInfo::default()));
    let options = Options { max_item_count: Some(1), ..Options::default() };
    let page = open(&plain, options, None).unwrap().next_page().unwrap().unwrap();
    let continuation = page.continuation.unwrap();
    let refuse = |fake: &Arc<Fake>, query: &str, target: Target, text: &str| {
        let backend = Arc::clone(fake) as Arc<dyn crate::query::backend::Backend>;
        let query = QuerySpec::new(query);
        let error = QueryPipeline::new(backend, query, target, options, Some(text)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    };
    let all = Target::container;
    assert!(refuse(&plain, "SELECT 1", all(), &continuation).contains("another query"));
    let part = Target::range(crate::routing::range::EpkRange::new(fake::epk(1), fake::epk(9)));
    assert!(refuse(&plain, TEXT, part, &continuation).contains("another query"));
    assert!(refuse(&plain, TEXT, all(), "+RID:~abc#RT:1").contains("not one of"));
    let half = &continuation[..continuation.len() / 2];
    assert!(refuse(&plain, TEXT, all(), half).contains("damaged"));

    let order = json!({"orderBy": ["Ascending"], "orderByExpressions": ["c.a"]});
    let run = Run::Sorted { columns: vec![("a", false)], copies: 1 };
    let merged = Arc::new(Fake::new(3, items(9), plan(order), run));
    assert!(refuse(&merged, TEXT, all(), &continuation).contains("without ORDER BY"));
    let page = open(&merged, options, None).unwrap().next_page().unwrap().unwrap();
    let continuation = page.continuation.unwrap();
    assert!(refuse(&plain, TEXT, all(), &continuation).contains("with ORDER BY"));
}

#[test]
fn rows_that_break_the_plans_promise_are_errors() {
    for info in [
        json!({"aggregates": ["Count"]}),
        json!({"groupByExpressions": ["c.a"], "groupByAliases": ["a"], "groupByAliasToAggregateType": {"a": "Sum"}}),
        json!({"orderBy": ["Ascending"], "orderByExpressions": ["c.a"]}),
    ] {
        let run = Run::Pages(Box::new(|_| vec![json!({"payload": "odd"})]));
        let fake = Arc::new(Fake::new(2, items(4), plan(info), run));
        let (_, error) = read_until_error(&fake, Options::default());
        assert_eq!(error.kind(), ErrorKind::Json);
    }
}
