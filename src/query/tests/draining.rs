//! Rows that need no merging: partition after partition, cut and windowed.

use super::fake::{Change, Fake};
use super::*;
use crate::query::clauses::Clauses;
use crate::routing::range::EpkRange;

#[test]
fn all_rows_come_once_however_they_are_read() {
    for partitions in [1, 7] {
        for options in ways() {
            for has_empty_pages in [false, true] {
                let mut fake = Fake::plain(partitions, items(40), QueryInfo::default());
                fake.has_empty_pages = has_empty_pages;
                fake.default_page = 4;
                let fake = Arc::new(fake);
                let expected = sorted(items(40));
                assert_eq!(sorted(read(&fake, options).unwrap()), expected);
                let rows = read_in_pieces(&fake, options, |_| {}).unwrap();
                assert_eq!(sorted(rows), expected, "{options:?}");
                let rows = read_in_pieces(&fake, options, reshape(&fake)).unwrap();
                assert_eq!(sorted(rows), expected, "{options:?}");
            }
        }
    }
}

#[test]
fn the_order_of_rows_does_not_depend_on_threads() {
    let fake = Arc::new(Fake::plain(7, items(60), QueryInfo::default()));
    let alone = Options { max_item_count: Some(2), ..Options::default() };
    let expected = read(&fake, alone).unwrap();
    for max_concurrency in [2, 7, 20] {
        for max_buffered_items in [0, 3, 1000] {
            let options = Options { max_concurrency, max_buffered_items, ..alone };
            assert_eq!(read(&fake, options).unwrap(), expected);
        }
    }
}

#[test]
fn partitions_may_split_and_merge_while_they_are_read() {
    for options in ways() {
        for at in 1..12 {
            for change in [Change::SplitAll, Change::MergeAll] {
                let fake = Fake::plain(4, items(30), QueryInfo::default());
                fake.state.lock().unwrap().changes.insert(at, change);
                fake.state.lock().unwrap().changes.insert(at + 3, Change::SplitAll);
                fake.state.lock().unwrap().changes.insert(at + 5, Change::MergeAll);
                let rows = read(&Arc::new(fake), options).unwrap();
                assert_eq!(sorted(rows), sorted(items(30)), "{options:?} {at} {change:?}");
            }
        }
    }
}

#[test]
fn a_window_is_cut_out_and_nothing_is_fetched_behind_it() {
    for (offset, limit, top) in
        [(2, 5, None), (0, 4, None), (0, 40, Some(3)), (39, 9, None), (50, 1, None)]
    {
        let info = plan(json!({"offset": offset, "limit": limit, "top": top}));
        let take = top.unwrap_or(limit);
        for options in ways() {
            let whole = Arc::new(Fake::plain(7, items(40), QueryInfo::default()));
            let all = read(&whole, options).unwrap();
            let expected: Vec<Value> = all.into_iter().skip(offset).take(take).collect();
            let fake = Arc::new(Fake::plain(7, items(40), info.clone()));
            assert_eq!(read(&fake, options).unwrap(), expected, "{options:?}");
            let rows = read_in_pieces(&fake, options, |_| {}).unwrap();
            assert_eq!(rows, expected, "{options:?}");
        }
    }
    let fake = Arc::new(Fake::plain(7, items(40), plan(json!({"top": 3}))));
    let options = Options { max_item_count: Some(1), ..Options::default() };
    assert_eq!(read(&fake, options).unwrap().len(), 3);
    assert_eq!(fake.fetches(), 3);
    let fake = Arc::new(Fake::plain(7, items(40), plan(json!({"offset": 1, "limit": 0}))));
    assert_eq!(read(&fake, options).unwrap().len(), 0);
    assert_eq!(fake.fetches(), 0);
}

#[test]
fn empty_pages_are_left_out_but_their_charge_is_not() {
    let mut fake = Fake::plain(3, items(9), QueryInfo::default());
    fake.has_empty_pages = true;
    let fake = Arc::new(fake);
    let mut pipeline = open(&fake, Options::default(), None).unwrap();
    for number in 0..3 {
        let page = pipeline.next_page().unwrap().unwrap();
        assert_eq!((page.rows.is_empty(), page.charge), (false, 3.0));
        assert_eq!(page.continuation.is_none(), number == 2);
        assert_eq!(page.metrics.as_deref(), Some("retrievedDocumentCount=2.00"));
        assert!(!page.headers.is_empty());
    }
    assert!(pipeline.next_page().unwrap().is_none());

    let fake = Arc::new(Fake::plain(2, Vec::new(), QueryInfo::default()));
    let mut pipeline = open(&fake, Options::default(), None).unwrap();
    let page = pipeline.next_page().unwrap().unwrap();
    assert_eq!((page.rows.len(), page.charge, page.continuation), (0, 3.0, None));
    assert!(pipeline.next_page().unwrap().is_none());
}

#[test]
fn a_query_stays_within_its_target_and_its_plan() {
    let range = EpkRange::new(fake::epk(60), fake::epk(130));
    let expect = |fake: &Fake| {
        let within = |it: &&fake::Item| (60..130).contains(&it.epk);
        sorted(fake.items.iter().filter(within).map(|it| it.value.clone()).collect())
    };
    for options in ways() {
        let fake = Arc::new(Fake::plain(5, items(40), QueryInfo::default()));
        let target = Target::range(range.clone());
        let mut rows = Vec::new();
        let mut resume: Option<String> = None;
        for number in 0.. {
            let backend = Arc::clone(&fake) as Arc<dyn crate::query::backend::Backend>;
            let (query, target) = (QuerySpec::new(TEXT), target.clone());
            let mut pipeline =
                QueryPipeline::new(backend, query, target, options, resume.as_deref()).unwrap();
            let page = pipeline.next_page().unwrap().unwrap();
            rows.extend(values(&page));
            reshape(&fake)(number);
            resume = page.continuation;
            if resume.is_none() {
                break;
            }
        }
        assert_eq!(sorted(rows), expect(&fake), "{options:?}");
    }

    let mut fake = Fake::plain(5, items(40), QueryInfo::default());
    fake.plan_ranges = vec![EpkRange::new(fake::epk(60), fake::epk(61))];
    let fake = Arc::new(fake);
    assert!(read(&fake, Options::default()).unwrap().len() < 40);
    assert_eq!(fake.fetches(), 1);
}

#[test]
fn a_complete_key_needs_a_plan_for_what_spans_pages_only() {
    let run = |text: &str| {
        let fake = Arc::new(Fake::plain(5, items(4), plan(json!({"distinctType": "Unordered"}))));
        let backend = Arc::clone(&fake) as Arc<dyn crate::query::backend::Backend>;
        let target = Target::key(&"k".into(), &"/pk".into()).unwrap();
        let options = Options { max_item_count: Some(1), ..Options::default() };
        let mut pipeline =
            QueryPipeline::new(backend, QuerySpec::new(text), target, options, None).unwrap();
        let first = pipeline.next_page().unwrap().unwrap();
        let plans = fake.state.lock().unwrap().plans;
        (plans, first.continuation.is_some())
    };
    assert_eq!(run("SELECT TOP 3 * FROM c ORDER BY c.a"), (0, true));
    assert_eq!(run("SELECT DISTINCT c.a FROM c"), (1, false));
}

#[test]
fn a_server_without_plans_still_answers_plain_queries() {
    let mut fake = Fake::plain(3, items(9), QueryInfo::default());
    fake.has_no_plans = true;
    let fake = Arc::new(fake);
    assert!(read(&fake, Options::default()).is_err(), "{TEXT} has to be merged");
    let plain = "SELECT * FROM c WHERE c.order = 'by'";
    assert!(Clauses::of(plain).is_plain());
    let backend = Arc::clone(&fake) as Arc<dyn crate::query::backend::Backend>;
    let options = Options::default();
    let mut pipeline =
        QueryPipeline::new(backend, QuerySpec::new(plain), Target::container(), options, None)
            .unwrap();
    let mut rows = 0;
    while let Some(page) = pipeline.next_page().unwrap() {
        rows += page.rows.len();
    }
    assert_eq!(rows, 9);
}
