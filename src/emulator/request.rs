//! A request as the gateway sees it: method, path segments, headers and body.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, Uri};

use super::reach::Reach;
use super::topology::{Region, Topology};
use crate::link::percent_decode;
use crate::transport;
use crate::wire::{API_VERSION, header};

/// One request, taken apart.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// The percent-decoded segments of the path, without empty ones at its ends.
    pub(crate) segments: Vec<String>,
    /// The URL without its query, for `content-location`.
    pub(crate) url: String,
    /// By which port of a server it came, if it came by one.
    pub(crate) reach: Option<&'a Reach>,
    /// The regions of the account at this moment, and which of them the request came to.
    pub(crate) topology: Arc<Topology>,
    pub(crate) region: usize,
    /// Whether it came by the account's own endpoint.
    pub(crate) is_global: bool,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Takes a request apart; `None` when its path is not percent-encoded UTF-8.
    pub(crate) fn parse(request: &'a transport::Request, topology: Arc<Topology>) -> Option<Self> {
        let path = request.uri().path();
        let segments = path
            .trim_matches('/')
            .split('/')
            .filter(|_| path.len() > 1)
            .map(percent_decode)
            .collect::<Option<Vec<_>>>()?;
        let reach: Option<&Reach> = request.extensions().get();
        let by_host = || topology.at_host(request.uri().host().unwrap_or_default());
        let own =
            reach.map(|it| it.region).or_else(by_host).filter(|it| *it < topology.regions.len());
        Some(Self {
            method: request.method(),
            segments: if segments == [""] { Vec::new() } else { segments },
            url: request.uri().to_string(),
            reach,
            region: own.unwrap_or(topology.write_region),
            is_global: match reach {
                Some(reach) => reach.region == 0,
                None => own.is_none() || topology.regions.len() == 1,
            },
            topology,
            uri: request.uri(),
            headers: request.headers(),
            body: request.body(),
        })
    }

    /// The region that the request came to. A topology has it, since it was found there.
    pub(crate) fn region(&self) -> &Region {
        &self.topology.regions[self.region]
    }

    /// The text of a header; `None` if it is missing or not text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim)
    }

    /// Whether a header says `true`, in any case.
    pub(crate) fn is_set(&self, name: &HeaderName) -> bool {
        self.header(name).is_some_and(|it| it.eq_ignore_ascii_case("true"))
    }

    /// The media type of the body, without parameters and in lower case.
    pub(crate) fn content_type(&self) -> String {
        let text = self.header(&http::header::CONTENT_TYPE).unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The REST version that the client speaks. Versions are dates, so that they compare as text.
    pub(crate) fn version(&self) -> &'a str {
        self.header(&header::VERSION).unwrap_or(API_VERSION)
    }

    /// Whether the body is a query: the content type alone decides.
    pub(crate) fn is_query(&self) -> bool {
        matches!(self.content_type().as_str(), "application/query+json" | "application/sql")
    }

    /// Whether writes shall answer without the resource.
    pub(crate) fn wants_minimal(&self) -> bool {
        self.header(&header::PREFER).is_some_and(|it| it.eq_ignore_ascii_case("return=minimal"))
    }

    /// The segment at `index`; routes guarantee those that their handlers ask for.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.segments.get(index).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_and_decoded() {
        for (path, expected) in [
            ("/", &[][..]),
            ("/dbs/", &["dbs"]),
            ("/dbs/my%20shop/colls/100%25/", &["dbs", "my shop", "colls", "100%"]),
            ("//dbs/a==/", &["dbs", "a=="]),
        ] {
            let request =
                http::Request::get(format!("http://localhost{path}")).body(Vec::new()).unwrap();
            let topology = crate::emulator::Emulator::new().inner.topology();
            assert_eq!(Request::parse(&request, topology).unwrap().segments, expected, "{path}");
        }
    }
}
