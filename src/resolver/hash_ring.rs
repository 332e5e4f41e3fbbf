//! A consistent-hash ring: names at points of a circle, each responsible for what follows up to the next point.

use std::fmt;
use std::sync::Arc;

/// Makes a number of some bytes.
pub(super) type Hash = Arc<dyn Fn(&[u8]) -> u32 + Send + Sync>;

/// Names on a circle of hashes.
///
/// Each name has several points: its hash, the hash of that hash in four bytes from the least significant one, and so
/// on. So a name that is added takes keys from all the others, and moves no key between them.
pub(super) struct HashRing {
    /// Where each stretch starts and whose it is, in order of the hashes.
    points: Vec<(u32, usize)>,
    hash: Hash,
}

impl HashRing {
    /// A ring of at least one name and one point a name.
    pub(super) fn new(names: &[String], points_per_name: usize, hash: Hash) -> Self {
        let mut points = Vec::with_capacity(names.len().saturating_mul(points_per_name));
        for (index, name) in names.iter().enumerate() {
            let mut point = hash(name.as_bytes());
            for _ in 0..points_per_name {
                points.push((point, index));
                point = hash(&point.to_le_bytes());
            }
        }
        // Where two names share a point, the order of the names decides.
        points.sort_by_key(|it| it.0);
        Self { points, hash }
    }

    /// The index of the name that the key falls to: that of the last point at or before its hash, and before the first
    /// point that of the last one of all.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let hash = (self.hash)(key);
        let after = self.points.partition_point(|it| it.0 <= hash);
        let at = after.checked_sub(1).unwrap_or(self.points.len().checked_sub(1)?);
        self.points.get(at).map(|it| it.1)
    }
}

impl fmt::Debug for HashRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashRing").field("points", &self.points.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::murmur3;

    #[derive(serde::Deserialize)]
    struct Case {
        containers: Vec<String>,
        virtual_nodes: usize,
        keys: Vec<Key>,
        #[serde(default)]
        ring: Vec<Point>,
    }

    #[derive(serde::Deserialize)]
    struct Key {
        key: serde_json::Value,
        container: String,
    }

    #[derive(serde::Deserialize)]
    struct Point {
        hash: u32,
        container: String,
    }

    #[test]
    fn rings_and_what_falls_where_agree_with_known_ones() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/data/hash_ring.json")).unwrap();
        assert!(cases.iter().any(|it| !it.ring.is_empty()));
        for case in cases {
            let hash: Hash = Arc::new(|bytes| murmur3::x86_32(bytes, 0));
            let ring = HashRing::new(&case.containers, case.virtual_nodes, hash);
            assert_eq!(ring.points.len(), case.containers.len() * case.virtual_nodes);
            for (point, expected) in ring.points.iter().zip(&case.ring) {
                let found = (point.0, &case.containers[point.1]);
                assert_eq!(found, (expected.hash, &expected.container));
            }
            for Key { key, container } in case.keys {
                let bytes = match &key {
                    serde_json::Value::String(text) => text.as_bytes().to_vec(),
                    number => number.as_f64().unwrap().to_le_bytes().to_vec(),
                };
                let found = &case.containers[ring.find(&bytes).unwrap()];
                assert_eq!(*found, container, "{key}");
            }
        }
    }

    #[test]
    fn a_name_that_is_added_moves_keys_to_itself_only() {
        let ring = |names: &[String]| {
            HashRing::new(names, 128, Arc::new(|bytes| murmur3::x86_32(bytes, 0)))
        };
        let names: Vec<String> = (0..4).map(|it| format!("orders-{it}")).collect();
        let (three, four) = (ring(&names[..3]), ring(&names));
        let mut moved = 0;
        for key in 0..1000 {
            let key = format!("key {key}");
            let (before, after) = (three.find(key.as_bytes()), four.find(key.as_bytes()));
            if before != after {
                assert_eq!(after, Some(3), "{key}");
                moved += 1;
            }
        }
        assert!((100..400).contains(&moved), "{moved}");
    }
}
