//! Who takes which leases. Pure: the same view gives the same answer.

use std::collections::BTreeMap;

/// A lease as a worker sees it. `owner` is `None` where the lease is free: given back, or its owner shows no life.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) id: &'a str,
    pub(super) owner: Option<&'a str>,
}

/// The leases that the worker `me` is to take, so that all workers come to have as many as the others, give or take
/// one: free ones first, then some of those that have more than their share.
///
/// Workers choose at the same time and on their own. Each has an order of its own among the leases, so that they
/// seldom want the same one; where they do, the version of the document decides.
pub(super) fn wanted<'a>(me: &str, leases: &[View<'a>]) -> Vec<&'a str> {
    let mut owned: BTreeMap<&str, usize> = BTreeMap::from([(me, 0)]);
    for owner in leases.iter().filter_map(|it| it.owner) {
        *owned.entry(owner).or_default() += 1;
    }
    let workers = owned.len();
    let (least, most) = (leases.len() / workers, leases.len().div_ceil(workers));
    let mut mine = owned.get(me).copied().unwrap_or(0);

    let mut ordered: Vec<&View<'a>> = leases.iter().collect();
    ordered.sort_by_cached_key(|it| (hash(me, it.id), it.id));
    let mut taken = Vec::new();
    for free in ordered.iter().filter(|it| it.owner.is_none()) {
        if mine >= most {
            return taken;
        }
        taken.push(free.id);
        mine += 1;
    }
    for lease in &ordered {
        let Some(owner) = lease.owner.filter(|it| *it != me) else { continue };
        let has = owned.entry(owner).or_default();
        let is_due = mine < least && *has > least || mine == least && *has > most;
        if is_due {
            taken.push(lease.id);
            mine += 1;
            *has -= 1;
        }
    }
    taken
}

/// FNV-1a of both texts.
fn hash(worker: &str, lease: &str) -> u64 {
    let bytes = worker.bytes().chain([0]).chain(lease.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets the workers take leases in turn, each on what the one before it left, until nobody wants any more.
    fn settle(owners: &mut [Option<&'static str>], workers: &[&'static str]) -> usize {
        let ids: Vec<String> = (0..owners.len()).map(|it| it.to_string()).collect();
        for round in 0..10 {
            let mut moved = 0;
            for worker in workers {
                let view: Vec<View<'_>> = ids
                    .iter()
                    .zip(owners.iter())
                    .map(|(id, owner)| View { id, owner: *owner })
                    .collect();
                for id in wanted(worker, &view) {
                    owners[id.parse::<usize>().unwrap()] = Some(worker);
                    moved += 1;
                }
            }
            if moved == 0 {
                return round;
            }
        }
        panic!("the workers never settle");
    }

    fn counts(owners: &[Option<&str>], workers: &[&str]) -> Vec<usize> {
        let of = |worker: &&str| owners.iter().filter(|it| **it == Some(*worker)).count();
        let mut counts: Vec<usize> = workers.iter().map(of).collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn leases_are_shared_out_evenly_and_then_stay() {
        for (leases, workers, expected) in [
            (12, &["a"][..], &[12][..]),
            (12, &["a", "b", "c"], &[4, 4, 4]),
            (13, &["a", "b", "c"], &[4, 4, 5]),
            (14, &["a", "b", "c"], &[4, 5, 5]),
            (2, &["a", "b", "c"], &[0, 1, 1]),
            (0, &["a", "b"], &[0, 0]),
        ] {
            let mut owners = vec![None; leases];
            settle(&mut owners, workers);
            assert_eq!(counts(&owners, workers), expected);
        }
    }

    #[test]
    fn a_new_worker_takes_its_share_at_once() {
        for leases in [3, 12, 13, 14] {
            let mut owners = vec![Some("a"); leases];
            assert!(settle(&mut owners, &["b", "c"]) <= 2, "{leases} leases");
            let counts = counts(&owners, &["a", "b", "c"]);
            assert!(counts[2] - counts[0] <= 1, "{counts:?}");
        }
    }

    #[test]
    fn the_leases_of_the_dead_are_shared_by_the_living() {
        let mut owners = vec![Some("a"), Some("a"), Some("b"), Some("b"), None, None];
        assert_eq!(settle(&mut owners, &["a", "b"]), 1);
        assert_eq!(counts(&owners, &["a", "b"]), [3, 3]);
    }

    #[test]
    fn workers_differ_in_what_they_take_first() {
        let ids: Vec<String> = (0..20).map(|it| it.to_string()).collect();
        let view: Vec<View<'_>> = ids.iter().map(|id| View { id, owner: Some("a") }).collect();
        let (b, c) = (wanted("b", &view), wanted("c", &view));
        assert_eq!((b.len(), c.len()), (10, 10));
        assert_ne!(b, c);
    }
}
