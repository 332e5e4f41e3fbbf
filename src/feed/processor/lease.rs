//! Leases: documents that say who reads which part of a change feed, and how far that is.

use serde::{Deserialize, Serialize};

use crate::container::Container;
use crate::error::{Error, ErrorKind, OptionalExt, Result};
use crate::routing::FeedRange;

/// One part of the feed. Its document is the only thing that workers share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) id: String,
    kind: LeaseKind,
    /// The processor that it belongs to, with the rid of its container.
    processor: String,
    pub(super) range: FeedRange,
    /// The worker that reads it. `None` where it was given back.
    pub(super) owner: Option<String>,
    /// Counts the owners, so that two that have one name, or one that comes back, are told apart.
    pub(super) epoch: u64,
    /// Counts the signs of life of the owner.
    pub(super) renewals: u64,
    /// How far the part has been handled.
    pub(super) continuation: String,
    /// Its version. Every change of the document is made on the version that was seen.
    #[serde(rename = "_etag", default, skip_serializing)]
    pub(super) etag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LeaseKind {
    Lease,
}

impl Lease {
    /// Whether the same ownership goes on in `self` that `other` was seen in.
    pub(super) fn is_held_as(&self, other: &Self) -> bool {
        self.owner == other.owner && self.epoch == other.epoch
    }
}

/// Where the feed of a processor began, in the document that all its leases are made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    id: String,
    kind: PlanKind,
    /// The positions of all leases to be made.
    pub(super) continuation: String,
    /// Whether they were made. Later on leases are split, and must not be made again.
    pub(super) is_done: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PlanKind {
    Plan,
}

/// The leases of one processor.
#[derive(Clone, Debug)]
pub(super) struct LeaseStore {
    container: Container,
    processor: String,
}

/// Most tries to change a document that others change too.
const MOST_TRIES: usize = 8;

impl LeaseStore {
    /// The leases of the processor `name` on the container of this rid. Checks what the lease container must be.
    pub(super) fn open(container: Container, name: &str, rid: &str) -> Result<Self> {
        let paths = &container.facts()?.definition.paths;
        if paths.as_slice() != ["/id"] {
            return Err(Error::invalid_input(format!(
                "the lease container {:?} has the partition key {}; it must be /id",
                container.id(),
                paths.join(", ")
            )));
        }
        // A rid is Base64, in which a slash is no part of an id.
        let processor = format!("{name}.{}", rid.replace('/', "-"));
        crate::link::check_id(crate::link::IdOf::Item, &processor)?;
        Ok(Self { container, processor })
    }

    /// A lease that nobody has stored yet.
    pub(super) fn lease(&self, range: FeedRange, continuation: String) -> Lease {
        let (min, max) = range.bounds();
        Lease {
            id: format!("{}.{min}-{max}", self.processor),
            kind: LeaseKind::Lease,
            processor: self.processor.clone(),
            range,
            owner: None,
            epoch: 0,
            renewals: 0,
            continuation,
            etag: String::new(),
        }
    }

    /// All leases.
    pub(super) fn list(&self) -> Result<Vec<Lease>> {
        let text = "SELECT * FROM c WHERE c.processor = @processor AND c.kind = 'lease'";
        let query = self.container.query_items(text).param("@processor", &self.processor);
        query.into_iter().collect()
    }

    /// Stores a new lease. Says whether there was none of its id.
    pub(super) fn create(&self, lease: &mut Lease) -> Result<bool> {
        match self.container.create_item(lease).content_response(false).send() {
            Ok(response) => {
                lease.etag = response.etag().map(|it| it.to_string()).unwrap_or_default();
                Ok(true)
            }
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores a changed lease, unless somebody else changed it: then there is none.
    pub(super) fn replace(&self, lease: &Lease) -> Result<Option<Lease>> {
        let replace = self.container.replace_item(&lease.id, lease).if_match(lease.etag.as_str());
        match replace.content_response(false).send() {
            Ok(response) => {
                let etag = response.etag().map(|it| it.to_string()).unwrap_or_default();
                Ok(Some(Lease { etag, ..lease.clone() }))
            }
            Err(error) if error.is_precondition_failed() || error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes a lease as long as it is still held as it was seen. `None` where it no longer is.
    ///
    /// The owner's own threads change it too; what they wrote is read again and kept.
    pub(super) fn update(
        &self,
        seen: &Lease,
        change: impl Fn(&mut Lease),
    ) -> Result<Option<Lease>> {
        let mut lease = seen.clone();
        for _ in 0..MOST_TRIES {
            let mut changed = lease.clone();
            change(&mut changed);
            if let Some(stored) = self.replace(&changed)? {
                return Ok(Some(stored));
            }
            match self.read(&lease.id)? {
                Some(current) if current.is_held_as(seen) => lease = current,
                _ => return Ok(None),
            }
        }
        Err(Error::new(ErrorKind::Service, format!("the lease {} changes all the time", seen.id)))
    }

    /// Deletes a lease as long as it is still held as it was seen.
    pub(super) fn delete(&self, seen: &Lease) -> Result<()> {
        let mut etag = seen.etag.clone();
        for _ in 0..MOST_TRIES {
            let delete = self.container.delete_item(&seen.id, seen.id.as_str()).if_match(&*etag);
            match delete.send() {
                Err(error) if error.is_precondition_failed() => {}
                outcome => return outcome.optional().map(drop),
            }
            match self.read(&seen.id)? {
                Some(current) if current.is_held_as(seen) => etag = current.etag,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn read(&self, id: &str) -> Result<Option<Lease>> {
        let read = self.container.read_item(id, id).send().optional()?;
        read.map(|it| it.item()).transpose()
    }

    /// The plan, where a worker has made one.
    pub(super) fn plan(&self) -> Result<Option<Plan>> {
        let read = self.container.read_item(&self.processor, self.processor.as_str()).send();
        read.optional()?.map(|it| it.item()).transpose()
    }

    /// Stores a plan, unless another worker was faster; then it is that worker's.
    pub(super) fn create_plan(&self, continuation: String) -> Result<Plan> {
        let id = self.processor.clone();
        let plan = Plan { id, kind: PlanKind::Plan, continuation, is_done: false };
        match self.container.create_item(&plan).send() {
            Ok(_) => Ok(plan),
            Err(error) if error.is_conflict() => self.plan()?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Notes that all leases of the plan were made.
    pub(super) fn finish_plan(&self, plan: Plan) -> Result<()> {
        let plan = Plan { is_done: true, ..plan };
        self.container.replace_item(&plan.id, &plan).content_response(false).send().map(drop)
    }
}
