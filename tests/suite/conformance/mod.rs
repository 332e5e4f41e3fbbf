//! The documented queries through the client: however the data is partitioned, however long the pages are and wherever
//! a query is cut and continued, the rows are those of one partition.

mod case;
mod compare;
mod text;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cosmosdb::{Container, Database, Emulator, Query};
use serde_json::Value;

use case::{Case, Mode, groups};
use compare::{Slack, in_any_order, in_order, is_documented, same_shape};
use text::Text;

/// Cases whose documented rows are not those of the service, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "docs/contains-all-cs-1",
    "the documented result of its first call is that of a search that ignores case",
)];

/// The service's own page size is the last.
const PAGE_SIZES: [i32; 3] = [1, 3, -1];

const THREADS: usize = 4;

/// What needs all rows before it has the first one, and thus cannot be continued.
const GATHERING: &[&str] = &[
    "GROUP BY",
    "DISTINCT",
    "RANK",
    "VECTORDISTANCE",
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "MAKELIST",
    "MAKESET",
];

/// The pages of a query: their rows, and where each can be continued.
struct Run {
    rows: Vec<Value>,
    continuations: Vec<Option<String>>,
}

#[test]
fn documented_queries_give_the_same_rows_however_they_are_run() {
    let databases = [1, 7].map(|partitions| {
        let client = Emulator::builder().partitions(partitions).build().unwrap().client();
        client.create_database("cases").send().unwrap();
        client.database("cases")
    });
    let groups = groups();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(cases) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    faults.lock().unwrap().extend(check_group(cases, &databases));
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Runs the cases of one container; what is wrong with them.
fn check_group(cases: &[Case], databases: &[Database; 2]) -> Vec<String> {
    let Some(first) = cases.first() else { return Vec::new() };
    let id = first.id.replace(['/', '#', '?'], "-");
    let containers = databases.each_ref().map(|database| {
        database.create_container(first.properties(&id)).send().unwrap();
        let container = database.container(&*id);
        first.fill(&container);
        container
    });
    let faults = cases.iter().filter_map(|case| {
        let fault = check(case, &containers).err()?;
        Some(format!("{}: {}\n    {fault}", case.id, case.query))
    });
    faults.collect()
}

fn check(case: &Case, [one, seven]: &[Container; 2]) -> Result<(), String> {
    let text = Text::of(&case.query);
    let in_one_go = run(case, one, &case.query, -1)?;
    let whole = in_one_go.rows.clone();
    let is_excepted = EXCEPTIONS.iter().any(|(id, _)| *id == case.id);
    if is_documented(case, &whole, text.is_ordered()) == is_excepted {
        return Err(format!("{} rows, not {}", show(&whole), show(&case.expected)));
    }
    if let Some(keys) = text.sort_keys() {
        let [a, b] = [one, seven].map(|it| run(case, it, &keys, -1).map(|it| it.rows));
        let (a, b) = (a?, b?);
        if !in_order(&a, &b, Slack::default()) {
            return Err(format!("{keys}: {} in one partition, {} in seven", show(&a), show(&b)));
        }
    }
    let mut known = Some(in_one_go);
    for (container, partitions) in [(one, 1), (seven, 7)] {
        for size in PAGE_SIZES {
            let at = |it| format!("{partitions} partitions, pages of {size}: {it}");
            let known = known.take_if(|_| size == -1);
            check_paged(case, &text, container, size, (&whole, known)).map_err(at)?;
        }
    }
    Ok(())
}

/// Runs a case in pages, in one go, unless that was done before, and cut at each page.
fn check_paged(
    case: &Case,
    text: &Text<'_>,
    container: &Container,
    size: i32,
    (whole, known): (&[Value], Option<Run>),
) -> Result<(), String> {
    let paged = known.map_or_else(|| run(case, container, &case.query, size), Ok)?;
    if !are_the_same(case, text, whole, &paged.rows) {
        return Err(format!("{}, not {}", show(&paged.rows), show(whole)));
    }
    if !can_be_continued(case, &paged)? {
        return Ok(());
    }
    let resumed = resume(case, container, size)?;
    let is_same = if case.compare == Mode::ShapeOnly {
        resumed.len() == paged.rows.len()
    } else {
        in_order(&paged.rows, &resumed, Slack::default())
    };
    if is_same {
        return Ok(());
    }
    Err(format!("continued {}, in one go {}", show(&resumed), show(&paged.rows)))
}

/// Whether rows differ in nothing that the query says.
fn are_the_same(case: &Case, text: &Text<'_>, a: &[Value], b: &[Value]) -> bool {
    if case.compare == Mode::ShapeOnly {
        return a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b));
    }
    // Sums depend on the order of the items, and so do lists of them.
    let has_sets = case.arrays.is_some() || case.query.to_uppercase().contains("MAKE");
    let slack = Slack { tolerance: 1e-12, has_sets };
    // Rows with equal keys are in any order, and a limit cuts between them anywhere: the keys themselves were compared.
    in_any_order(a, b, slack) || (text.is_cut() && a.len() == b.len())
}

/// Whether each page but the last says where it ends; that there is a reason where none does.
fn can_be_continued(case: &Case, run: &Run) -> Result<bool, String> {
    let Some((last, others)) = run.continuations.split_last() else { return Ok(false) };
    if last.is_some() {
        return Err("the last page has a continuation".to_owned());
    }
    if others.iter().all(Option::is_some) {
        // To cut at the end of the only page would be to run the query once more.
        return Ok(!others.is_empty());
    }
    let query = case.query.to_uppercase();
    if GATHERING.iter().any(|it| query.contains(it)) && others.iter().all(Option::is_none) {
        return Ok(false);
    }
    Err("a page cannot be continued".to_owned())
}

fn query(case: &Case, container: &Container, text: &str, size: i32) -> Query<Value> {
    let query = container.query_items(text).max_item_count(size);
    case.parameters.iter().fold(query, |query, it| query.param(&it.name, &it.value))
}

/// All pages of a query, in one go.
fn run(case: &Case, container: &Container, text: &str, size: i32) -> Result<Run, String> {
    let mut run = Run { rows: Vec::new(), continuations: Vec::new() };
    for page in query(case, container, text, size).pages() {
        let page = page.map_err(|it| it.to_string())?;
        if usize::try_from(size).is_ok_and(|size| page.items().len() > size) {
            return Err(format!("{} rows in a page of {size}", page.items().len()));
        }
        run.continuations.push(page.continuation().map(str::to_owned));
        run.rows.extend(page.items().iter().map(|it| case.row(it)));
    }
    Ok(run)
}

/// All pages of a query, each by a query of its own.
fn resume(case: &Case, container: &Container, size: i32) -> Result<Vec<Value>, String> {
    let mut rows = Vec::new();
    let mut continuation: Option<String> = None;
    loop {
        let query = query(case, container, &case.query, size);
        let mut pages = query.set(continuation.take(), Query::continue_from).pages();
        let Some(page) = pages.next() else { return Ok(rows) };
        let page = page.map_err(|it| it.to_string())?;
        rows.extend(page.items().iter().map(|it| case.row(it)));
        continuation = page.continuation().map(str::to_owned);
        if continuation.is_none() {
            return Ok(rows);
        }
    }
}

fn show(rows: &[Value]) -> String {
    let text: String = rows.iter().map(|it| format!("{it:.200} ")).collect();
    format!("{} rows {text:.600}", rows.len())
}
