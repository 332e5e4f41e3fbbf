//! Throughput: the offers of databases and containers.

use crate::client::CosmosClient;
use crate::container::Container;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::models::{OfferProperties, Throughput};
use crate::operation::{Operation, ReadOffer, ReplaceOffer};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::response::ResourceResponse;
use crate::wire::header;

/// An offer: the throughput of a database or container. A handle: cheap to clone, and it sends nothing by itself.
///
/// [`Container::throughput`] and [`Database::throughput`] find the offer of a resource by themselves.
#[derive(Clone, Debug)]
pub struct Offer {
    client: CosmosClient,
    id: String,
}

impl Offer {
    pub(crate) fn new(client: CosmosClient, id: &str) -> Self {
        let id = id.trim_matches('/');
        Self { client, id: id.strip_prefix("offers/").unwrap_or(id).to_owned() }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the offer.
    ///
    /// ```
    /// # use cosmosdb::{Emulator, Throughput};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").throughput(Throughput::manual(500)).send()?;
    /// # let offer = client.offers().into_iter().next().unwrap()?;
    /// let read = client.offer(&offer.id).read().send()?;
    /// assert_eq!(read.properties()?.throughput(), Some(Throughput::manual(500)));
    /// assert_eq!(read.minimum_throughput(), Some(400));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadOffer> {
        Operation::new(&self.client, self.spec(Action::Read))
    }

    /// Replaces the offer, with what was read, changed by
    /// [`set_throughput`](crate::models::OfferProperties::set_throughput).
    ///
    /// ```
    /// # use cosmosdb::{Emulator, Throughput};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").throughput(Throughput::manual(500)).send()?;
    /// let mut offer = client.offers().into_iter().next().unwrap()?;
    /// offer.set_throughput(Throughput::manual(600));
    /// let replaced = client.offer(&offer.id).replace(&offer).send()?.properties()?;
    /// assert_eq!(replaced.throughput(), Some(Throughput::manual(600)));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(&self, properties: &OfferProperties) -> Operation<ReplaceOffer> {
        let spec = self.spec(Action::Replace).and_then(|mut spec| {
            spec.body = serde_json::to_vec(properties).map_err(crate::client::unwritable)?;
            Ok(spec)
        });
        Operation::new(&self.client, spec)
    }

    fn spec(&self, action: Action) -> Result<Spec> {
        if self.id.is_empty() || self.id.contains(['/', '\\', '?', '#']) {
            return Err(Error::invalid_input(format!("{:?} is not the id of an offer", self.id)));
        }
        let link = Link::account().child("offers", &self.id);
        Ok(Spec::new(action, ResourceType::Offer, link))
    }
}

/// A list of all offers, or a query over them.
pub(crate) fn feed(action: Action) -> Spec {
    Spec::new(action, ResourceType::Offer, Link::account())
}

/// The throughput of a database or container. A handle: cheap to clone, and it sends nothing by itself.
///
/// ```
/// use cosmosdb::{ContainerProperties, Throughput};
/// # let client = cosmosdb::Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # let shop = client.database("shop");
/// shop.create_container(ContainerProperties::new("orders", "/city")).throughput(Throughput::manual(400)).send()?;
/// let throughput = shop.container("orders").throughput();
/// let replaced = throughput.replace(Throughput::autoscale(4000))?;
/// assert_eq!(replaced.properties()?.throughput(), Some(Throughput::autoscale(4000)));
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResourceThroughput(Of);

#[derive(Clone, Debug)]
enum Of {
    Container(Container),
    Database(Database),
}

impl ResourceThroughput {
    pub(crate) fn of_container(container: Container) -> Self {
        Self(Of::Container(container))
    }

    pub(crate) fn of_database(database: Database) -> Self {
        Self(Of::Database(database))
    }

    /// Reads the throughput: the offer of the resource, which is looked for first. `None` where the resource has no
    /// throughput of its own, because it shares its database's or because the account is serverless.
    ///
    /// The answer also tells the least that the service takes ([`minimum_throughput`](crate::Response::minimum_throughput)),
    /// and whether a change is still under way
    /// ([`is_throughput_replace_pending`](crate::Response::is_throughput_replace_pending)).
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Throughput};
    /// # let client = cosmosdb::Emulator::new().client();
    /// client.create_database("shop").throughput(Throughput::autoscale(1000)).send()?;
    /// let shop = client.database("shop");
    /// shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// let shared = shop.throughput().read()?.unwrap();
    /// assert_eq!(shared.properties()?.throughput(), Some(Throughput::autoscale(1000)));
    /// assert!(shop.container("orders").throughput().read()?.is_none());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The resource does not exist, or one of the three calls failed.
    pub fn read(&self) -> Result<Option<ResourceResponse<OfferProperties>>> {
        let Some(found) = self.find()? else { return Ok(None) };
        Offer::new(self.client().clone(), &found.id).read().send().map(Some)
    }

    /// Changes the throughput, also from a fixed amount to one that scales and back.
    ///
    /// Such a change of kind takes two steps: the service picks an amount first, and is then given the one wanted, where
    /// it is another. The answer is that of the last step. Large changes take the service minutes to hours, during which
    /// it refuses others: see [`is_throughput_replace_pending`](crate::Response::is_throughput_replace_pending).
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Throughput};
    /// # let client = cosmosdb::Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// let orders = shop.container("orders");
    /// let replaced = orders.throughput().replace(Throughput::manual(1000))?;
    /// assert!(!replaced.is_throughput_replace_pending());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The resource has no throughput of its own, or the service refused the amount.
    pub fn replace(&self, throughput: Throughput) -> Result<ResourceResponse<OfferProperties>> {
        let mut offer = self.find()?.ok_or_else(|| self.has_none())?;
        if let Some(change) = Change::of(&offer, throughput) {
            let response = self.send(&change.step(&offer), Some(change))?;
            offer = response.properties()?;
            if offer.throughput() == Some(throughput) {
                return Ok(response);
            }
        }
        offer.set_throughput(throughput);
        self.send(&offer, None)
    }

    fn send(
        &self,
        offer: &OfferProperties,
        change: Option<Change>,
    ) -> Result<ResourceResponse<OfferProperties>> {
        let operation = Offer::new(self.client().clone(), &offer.id).replace(offer);
        match change {
            Some(change) => operation.header(change.header().as_str(), "true").send(),
            None => operation.send(),
        }
    }

    /// The offer of the resource as it is now: a resource made anew has another.
    fn find(&self) -> Result<Option<OfferProperties>> {
        let rid = match &self.0 {
            Of::Container(it) => it.read().send()?.properties()?.system.rid,
            Of::Database(it) => it.read().send()?.properties()?.system.rid,
        };
        let rid = rid.ok_or_else(|| Error::json("the resource has no `_rid`"))?;
        let query = "SELECT * FROM root r WHERE r.offerResourceId = @rid";
        self.client().query_offers(query).param("@rid", rid).into_iter().next().transpose()
    }

    fn client(&self) -> &CosmosClient {
        match &self.0 {
            Of::Container(it) => &it.database().client,
            Of::Database(it) => &it.client,
        }
    }

    fn has_none(&self) -> Error {
        Error::invalid_input(match &self.0 {
            Of::Container(it) => format!(
                "the container {:?} has no throughput of its own: it shares its database's, or the account is serverless",
                it.id()
            ),
            Of::Database(it) => format!(
                "the database {:?} has no throughput of its own: its containers have, or the account is serverless",
                it.id()
            ),
        })
    }
}

/// A change from one kind of throughput to the other.
#[derive(Clone, Copy, Debug)]
enum Change {
    ToAutoscale,
    ToManual,
}

impl Change {
    /// The change that is needed, if one is.
    fn of(offer: &OfferProperties, wanted: Throughput) -> Option<Self> {
        let scales = offer.content.as_ref().is_some_and(|it| it.offer_autopilot_settings.is_some());
        match (scales, wanted.autoscale_max_request_units().is_some()) {
            (false, true) => Some(Self::ToAutoscale),
            (true, false) => Some(Self::ToManual),
            _ => None,
        }
    }

    fn header(self) -> http::HeaderName {
        match self {
            Self::ToAutoscale => header::MIGRATE_TO_AUTOPILOT,
            Self::ToManual => header::MIGRATE_TO_MANUAL,
        }
    }

    /// The offer that asks for the change, and leaves the amount to the service: `-1`.
    fn step(self, offer: &OfferProperties) -> OfferProperties {
        let mut step = offer.clone();
        let content = step.content.get_or_insert_default();
        match self {
            Self::ToAutoscale => content.offer_throughput = Some(-1),
            Self::ToManual => {
                content.offer_throughput = None;
                content.offer_autopilot_settings.get_or_insert_default().max_throughput = -1;
            }
        }
        step
    }
}
