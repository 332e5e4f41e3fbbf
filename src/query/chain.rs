//! One query over several containers, one after the other.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::builder::Setup;
use crate::client::CosmosClient;
use crate::error::{Error, Result};
use crate::feed::{PageSource, RawPage};
use crate::link::Link;

/// The pages of each container in turn.
pub(super) struct Chain {
    client: CosmosClient,
    setup: Setup,
    /// The container that is being asked, and those that come after it.
    containers: VecDeque<Link>,
    source: Option<Box<dyn PageSource>>,
    /// A page that was fetched to find out whether the one before it was the last.
    ahead: Option<RawPage>,
}

/// A place in the chain: a container, and a place in its part of the query.
#[derive(Serialize, Deserialize)]
struct Place {
    container: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    continuation: Option<String>,
}

impl Chain {
    /// Starts at the place that the set-up continues from, else at the first container.
    pub(super) fn new(
        client: CosmosClient,
        mut setup: Setup,
        containers: Vec<Link>,
    ) -> Result<Self> {
        let mut containers = VecDeque::from(containers);
        if let Some(token) = setup.continuation.take() {
            let place: Place = serde_json::from_str(&token).map_err(|error| {
                Error::invalid_input("the continuation is none of a query over several containers")
                    .with_source(error)
            })?;
            let at = containers.iter().position(|it| it.as_str() == place.container);
            let at = at.ok_or_else(|| gone(&place.container))?;
            containers.drain(..at);
            setup.continuation = place.continuation;
        }
        Ok(Self { client, setup, containers, source: None, ahead: None })
    }

    /// The pages of the container at the front.
    fn source(&mut self) -> Result<Option<&mut Box<dyn PageSource>>> {
        if self.source.is_none() {
            let Some(container) = self.containers.front() else { return Ok(None) };
            let setup = self.setup.on(container.clone());
            self.setup.continuation = None;
            self.source = Some(setup.into_source(self.client.clone())?);
        }
        Ok(self.source.as_mut())
    }

    fn advance(&mut self) -> Result<Option<RawPage>> {
        match self.ahead.take() {
            Some(page) => Ok(Some(page)),
            None => self.source()?.map_or(Ok(None), |it| it.next_page()),
        }
    }

    fn leave_container(&mut self) {
        self.source = None;
        self.containers.pop_front();
    }

    /// The place after the page. A page without a continuation is the container's last one, or of a query that cannot be
    /// continued: only the next page tells.
    fn place_after(&mut self, page: &RawPage) -> Result<Option<Place>> {
        if page.continuation.is_none() {
            self.ahead = self.advance()?;
            if self.ahead.is_some() {
                return Ok(None);
            }
            self.leave_container();
        }
        Ok(self.containers.front().map(|container| Place {
            container: container.as_str().to_owned(),
            continuation: page.continuation.clone(),
        }))
    }
}

impl PageSource for Chain {
    fn next_page(&mut self) -> Result<Option<RawPage>> {
        while !self.containers.is_empty() {
            let Some(mut page) = self.advance()? else {
                self.leave_container();
                continue;
            };
            let place = self.place_after(&page)?;
            page.continuation =
                place.as_ref().map(serde_json::to_string).transpose().map_err(|error| {
                    Error::json("the continuation cannot be written").with_source(error)
                })?;
            return Ok(Some(page));
        }
        Ok(None)
    }
}

fn gone(container: &str) -> Error {
    Error::invalid_input(format!(
        "the continuation is of the container {container:?}, which the query does not ask"
    ))
}
