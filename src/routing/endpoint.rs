//! An endpoint: one place to send requests to, and how regions are named.

use std::sync::Arc;

use http::uri::{Authority, Scheme};

use crate::error::{Error, Result};

/// One place to send requests to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) host: Arc<str>,
    pub(crate) region: Option<Arc<str>>,
}

impl Endpoint {
    /// Reads `https://account.documents.azure.com:443/`. The path is ignored.
    pub(crate) fn parse(text: &str, region: Option<&str>) -> Result<Self> {
        let invalid = |reason: &str| {
            Error::invalid_input(format!(
                "the endpoint {text:?} {reason}; it should look like https://account.documents.azure.com:443/"
            ))
        };
        let uri: http::Uri =
            text.trim().parse().map_err(|error| invalid("is not a URL").with_source(error))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or_else(|| invalid("has no scheme"))?;
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(invalid("is neither https nor http"));
        }
        let authority = parts.authority.ok_or_else(|| invalid("has no host"))?;
        if authority.host().is_empty() {
            return Err(invalid("has no host"));
        }
        if authority.as_str().contains('@') {
            return Err(invalid("holds a user name"));
        }
        let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !after_host.is_empty() && authority.port_u16().is_none() {
            return Err(invalid("has a port that is not a number of 0 to 65535"));
        }
        let host = authority.host().into();
        Ok(Self { scheme, authority, host, region: region.map(Into::into) })
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.scheme == Scheme::HTTP
    }
}

impl Endpoint {
    /// The endpoint of the same account in `region`, by the service's rule for host names: `contoso-westus2` for the
    /// account `contoso` in West US 2. `None` where the host has no name to add to, or the region is none.
    pub(crate) fn regional(&self, region: &str) -> Option<Self> {
        let region = normal(region);
        if region.is_empty() || !region.bytes().all(|it| it.is_ascii_alphanumeric()) {
            return None;
        }
        if self.is_loopback() || self.host.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        let (account, rest) = self.authority.as_str().split_once('.')?;
        Self::parse(&format!("{}://{account}-{region}.{rest}", self.scheme), Some(&region)).ok()
    }
}

impl PartialEq for Endpoint {
    /// Endpoints are the same where requests arrive at the same place, whatever the region is called.
    fn eq(&self, other: &Self) -> bool {
        self.authority == other.authority
    }
}

/// Region names are compared without spaces and case: `West Europe` is `westeurope`.
pub(crate) fn same_region(a: &str, b: &str) -> bool {
    normal_chars(a).eq(normal_chars(b))
}

fn normal(name: &str) -> String {
    normal_chars(name).collect()
}

fn normal_chars(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|it| !matches!(it, ' ' | '-' | '_')).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_names_are_compared_by_letters_and_digits_only() {
        for (a, b, same) in [
            ("West Europe", "westeurope", true),
            ("east -_ us -_ 2", "East US 2", true),
            ("East US", "East US 2", false),
            ("", " ", true),
        ] {
            assert_eq!(same_region(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn the_host_of_a_region_is_made_from_the_accounts() {
        let global = Endpoint::parse("https://contoso.documents.azure.com:443/", None).unwrap();
        for name in ["East US 2", "eastus2", "EAST_US-2"] {
            let regional = global.regional(name).unwrap();
            assert_eq!(regional.authority, "contoso-eastus2.documents.azure.com:443");
        }
        assert!(global.regional("no/region").is_none());
        assert!(global.regional(" ").is_none());
        for host in ["https://localhost:8081/", "https://10.0.0.1:8081/"] {
            assert!(Endpoint::parse(host, None).unwrap().regional("East US").is_none());
        }
    }
}
