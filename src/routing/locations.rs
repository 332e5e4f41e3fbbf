//! The endpoints of an account by region, in the order in which they are to be asked.

use std::borrow::Cow;
use std::sync::Arc;

use super::endpoint::{Endpoint, same_region};
use crate::models::{AccountLocation, AccountProperties};

/// The account at one time, and the endpoints that it names.
#[derive(Debug)]
pub(crate) struct Locations {
    /// For reads: the preferred regions, then the rest.
    read: Vec<Arc<Endpoint>>,
    /// For writes: in the account's order, the first being the hub; with several write regions in that of reads.
    write: Vec<Arc<Endpoint>>,
    /// The account's first write region.
    hub: Arc<Endpoint>,
    /// Whether items are written in any region.
    pub(crate) multi_write: bool,
    pub(crate) account: Arc<AccountProperties>,
}

/// What a request asks of regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Reads,
    /// A write, where only the account's write region takes it.
    WritesToHub,
    /// A write of an item.
    Writes,
    /// A write of an item whose partition may have moved to any region by itself.
    WritesAnywhere,
}

impl Locations {
    /// `default` stands in for what the account does not name.
    pub(crate) fn new(
        account: AccountProperties,
        preferred: &[String],
        use_multi_write: bool,
        default: &Arc<Endpoint>,
    ) -> Self {
        let multi_write = use_multi_write && account.enable_multiple_write_locations;
        let writable = endpoints(&account.writable_locations);
        let hub = writable.first().unwrap_or(default);
        let hub = Arc::clone(hub);
        let mut read = by_preference(endpoints(&account.readable_locations), preferred);
        let mut write = if multi_write { by_preference(writable, preferred) } else { writable };
        for list in [&mut read, &mut write] {
            if list.is_empty() {
                list.push(Arc::clone(&hub));
            }
        }
        Self { read, write, hub, multi_write, account: Arc::new(account) }
    }

    pub(crate) fn hub(&self) -> &Arc<Endpoint> {
        &self.hub
    }

    /// Every endpoint that the account named, for reading the account itself.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.read.iter().chain(&self.write)
    }

    /// The endpoint to read from in a region, by its name.
    pub(crate) fn of(&self, region: &str) -> Option<&Arc<Endpoint>> {
        self.read.iter().find(|it| it.region.as_deref().is_some_and(|it| same_region(it, region)))
    }

    /// Whether several regions write, each with a count of its own, so that a place in what one of them tells means
    /// nothing in another.
    pub(crate) fn writes_apart(&self) -> bool {
        self.account.enable_multiple_write_locations
    }

    /// Whether single partitions may move their writes to another region by themselves.
    pub(crate) fn partitions_fail_over(&self) -> bool {
        self.account.enable_per_partition_failover_behavior
            && !self.multi_write
            && self.read.len() > 1
    }

    /// The endpoints to ask, the best first; never none.
    ///
    /// Excluded regions are left out, but for metadata, which takes them where nothing else is left. Where all are
    /// excluded, it is the hub.
    pub(crate) fn candidates(
        &self,
        wants: Wants,
        excluded: &[String],
        is_metadata: bool,
    ) -> Cow<'_, [Arc<Endpoint>]> {
        let list: Cow<'_, [_]> = match wants {
            Wants::Reads => Cow::Borrowed(&self.read),
            Wants::Writes => Cow::Borrowed(&self.write),
            Wants::WritesToHub if self.multi_write => Cow::Owned(vec![Arc::clone(&self.hub)]),
            Wants::WritesToHub => Cow::Borrowed(&self.write),
            Wants::WritesAnywhere => Cow::Owned(self.hub_and_then_reads()),
        };
        if excluded.is_empty() {
            return list;
        }
        let (mut kept, rest): (Vec<_>, Vec<_>) =
            list.iter().cloned().partition(|it| !is_excluded(it, excluded));
        if is_metadata {
            kept.extend(rest);
        }
        if kept.is_empty() {
            kept.push(Arc::clone(&self.hub));
        }
        Cow::Owned(kept)
    }

    fn hub_and_then_reads(&self) -> Vec<Arc<Endpoint>> {
        let others = self.read.iter().filter(|it| **it != self.hub);
        std::iter::once(&self.hub).chain(others).cloned().collect()
    }
}

/// Whether the caller wants nothing of this endpoint's region.
pub(crate) fn is_excluded(endpoint: &Endpoint, excluded: &[String]) -> bool {
    let region = endpoint.region.as_deref();
    region.is_some_and(|region| excluded.iter().any(|it| same_region(it, region)))
}

/// A location whose address is none is left out.
fn endpoints(locations: &[AccountLocation]) -> Vec<Arc<Endpoint>> {
    let parsed = locations.iter().map(|it| Endpoint::parse(&it.endpoint, Some(&it.name)));
    parsed.filter_map(Result::ok).map(Arc::new).collect()
}

/// The preferred regions in their order, then the others in the account's.
fn by_preference(all: Vec<Arc<Endpoint>>, preferred: &[String]) -> Vec<Arc<Endpoint>> {
    let rank = |it: &Arc<Endpoint>| {
        let region = it.region.as_deref().unwrap_or_default();
        preferred.iter().position(|name| same_region(name, region)).unwrap_or(preferred.len())
    };
    let mut ordered = all;
    ordered.sort_by_key(rank);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use Wants::{Reads, Writes, WritesAnywhere, WritesToHub};

    fn location(name: &str) -> AccountLocation {
        AccountLocation::new(name, format!("https://a-{}.test/", name.replace(' ', "")))
    }

    /// An account of East, West and North, that writes in `writable`.
    fn locations(writable: &[&str], preferred: &[&str], multi_write: bool) -> Locations {
        let account = AccountProperties {
            readable_locations: ["East", "West", "North"].map(location).to_vec(),
            writable_locations: writable.iter().map(|it| location(it)).collect(),
            enable_multiple_write_locations: multi_write,
            ..AccountProperties::default()
        };
        let preferred: Vec<String> = preferred.iter().map(|it| (*it).to_owned()).collect();
        let default = Arc::new(Endpoint::parse("https://a.test/", None).unwrap());
        Locations::new(account, &preferred, true, &default)
    }

    fn names(locations: &Locations, wants: Wants, excluded: &[&str], metadata: bool) -> String {
        let excluded: Vec<String> = excluded.iter().map(|it| (*it).to_owned()).collect();
        let candidates = locations.candidates(wants, &excluded, metadata);
        let names: Vec<_> = candidates.iter().filter_map(|it| it.region.as_deref()).collect();
        names.join(" ")
    }

    #[test]
    fn one_write_region() {
        let account = locations(&["East"], &["west", "Mars North"], false);
        for (wants, excluded, metadata, expected) in [
            (Reads, &[][..], false, "West East North"),
            (Reads, &["WEST"], false, "East North"),
            (Reads, &["West", "North", "East"], false, "East"),
            (Reads, &["West"], true, "East North West"),
            (Writes, &[], false, "East"),
            (Writes, &["East"], false, "East"),
            (WritesToHub, &[], true, "East"),
            (WritesAnywhere, &[], false, "East West North"),
            (WritesAnywhere, &["West"], false, "East North"),
        ] {
            assert_eq!(
                names(&account, wants, excluded, metadata),
                expected,
                "{wants:?} {excluded:?}"
            );
        }
        let failing_over = locations(&["East", "West"], &["North", "West"], false);
        assert_eq!(names(&failing_over, Writes, &[], false), "East West", "in the account's order");
    }

    #[test]
    fn several_write_regions() {
        let account = locations(&["East", "West"], &["West", "East"], true);
        for (wants, excluded, expected) in [
            (Reads, &[][..], "West East North"),
            (Writes, &[], "West East"),
            (Writes, &["West"], "East"),
            (Writes, &["East"], "West"),
            (WritesToHub, &[], "East"),
        ] {
            assert_eq!(names(&account, wants, excluded, false), expected, "{wants:?} {excluded:?}");
        }
    }

    #[test]
    fn an_account_that_names_no_regions_is_its_default_endpoint() {
        let default = Arc::new(Endpoint::parse("https://a.test/", None).unwrap());
        let bare = Locations::new(AccountProperties::default(), &[], false, &default);
        for wants in [Reads, Writes, WritesToHub, WritesAnywhere] {
            assert_eq!(bare.candidates(wants, &[], false).into_owned(), [Arc::clone(&default)]);
        }
    }
}
