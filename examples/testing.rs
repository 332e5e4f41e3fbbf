//! A small app and its unit test: the code takes a `Container`, and the test gives it one in memory.
//!
//! `cargo run --example testing` runs the app; `cargo test --example testing` runs its test.

use cosmosdb::{Container, ContainerProperties, Emulator, OptionalExt};
use serde::{Deserialize, Serialize};

/// Counts the visits of a page.
struct VisitCounter {
    pages: Container,
}

#[derive(Serialize, Deserialize)]
struct Page {
    id: String,
    visits: u64,
}

impl VisitCounter {
    /// Adds a visit, however many do so at the same time.
    fn visit(&self, page: &str) -> cosmosdb::Result<u64> {
        loop {
            let Some(found) = self.pages.read_item(page, page).send().optional()? else {
                match self.pages.create_item(&Page { id: page.into(), visits: 1 }).send() {
                    Err(error) if error.is_conflict() => continue,
                    created => return created.map(|_| 1),
                }
            };
            let etag = found.etag();
            let mut seen: Page = found.item()?;
            seen.visits += 1;
            match self
                .pages
                .replace_item(page, &seen)
                .set(etag, cosmosdb::Operation::if_match)
                .send()
            {
                Err(error) if error.is_precondition_failed() => continue,
                replaced => return replaced.map(|_| seen.visits),
            }
        }
    }
}

/// A counter on an account of its own, in memory: nothing to install, start or clean up.
fn counter() -> cosmosdb::Result<VisitCounter> {
    let client = Emulator::new().client();
    client.create_database("site").send()?;
    let site = client.database("site");
    site.create_container(ContainerProperties::new("pages", "/id")).send()?;
    Ok(VisitCounter { pages: site.container("pages") })
}

fn main() -> cosmosdb::Result<()> {
    let counter = counter()?;
    for _ in 0..3 {
        println!("home has {} visits", counter.visit("home")?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_visit_is_lost_between_threads() {
        let counter = counter().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..25).for_each(|_| {
                        counter.visit("home").unwrap();
                    })
                });
            }
        });
        assert_eq!(counter.visit("home").unwrap(), 101);
    }
}
