//! How many request units a database or container gets.

use http::HeaderName;

use crate::wire::header;

/// The throughput of a new database or container, in request units a second (RU/s).
///
/// ```
/// use cosmosdb::models::Throughput;
///
/// let fixed = Throughput::manual(400);
/// let scaling = Throughput::autoscale(4000);
/// assert_ne!(fixed, scaling);
/// ```
///
/// The service says which amounts it takes; they are not checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Throughput(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Manual(u32),
    Autoscale { max: u32, increment_percent: Option<u32> },
}

impl Throughput {
    /// A fixed amount.
    pub const fn manual(request_units: u32) -> Self {
        Self(Kind::Manual(request_units))
    }

    /// As much as is used, between a tenth of this amount and all of it.
    pub const fn autoscale(max_request_units: u32) -> Self {
        Self(Kind::Autoscale { max: max_request_units, increment_percent: None })
    }

    /// By how many percent the service raises the maximum of its own accord when the data outgrows it.
    ///
    /// It has no meaning for a fixed amount.
    #[must_use]
    pub const fn with_increment_percent(self, percent: u32) -> Self {
        match self.0 {
            Kind::Autoscale { max, .. } => {
                Self(Kind::Autoscale { max, increment_percent: Some(percent) })
            }
            Kind::Manual(_) => self,
        }
    }

    /// The fixed amount, where it is one.
    pub const fn manual_request_units(&self) -> Option<u32> {
        match self.0 {
            Kind::Manual(request_units) => Some(request_units),
            Kind::Autoscale { .. } => None,
        }
    }

    /// The largest amount, where it scales.
    pub const fn autoscale_max_request_units(&self) -> Option<u32> {
        match self.0 {
            Kind::Autoscale { max, .. } => Some(max),
            Kind::Manual(_) => None,
        }
    }

    /// The header that asks for it when a database or container is created.
    pub(crate) fn header(&self) -> (HeaderName, String) {
        match self.0 {
            Kind::Manual(request_units) => (header::OFFER_THROUGHPUT, request_units.to_string()),
            Kind::Autoscale { .. } => {
                (header::OFFER_AUTOPILOT, self.autopilot_settings().to_string())
            }
        }
    }

    /// The settings of an offer that scales; `null` where it does not.
    pub(crate) fn autopilot_settings(&self) -> serde_json::Value {
        match self.0 {
            Kind::Manual(_) => serde_json::Value::Null,
            Kind::Autoscale { max, increment_percent: None } => {
                serde_json::json!({ "maxThroughput": max })
            }
            Kind::Autoscale { max, increment_percent: Some(percent) } => serde_json::json!({
                "maxThroughput": max,
                "autoUpgradePolicy": { "throughputPolicy": { "incrementPercent": percent } },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_service() {
        for (throughput, name, value) in [
            (Throughput::manual(400), "x-ms-offer-throughput", "400"),
            (
                Throughput::autoscale(4000),
                "x-ms-cosmos-offer-autopilot-settings",
                r#"{"maxThroughput":4000}"#,
            ),
        ] {
            let (found, text) = throughput.header();
            assert_eq!((found.as_str(), text.as_str()), (name, value));
        }
        let growing = Throughput::autoscale(1000).with_increment_percent(10);
        let settings = growing.autopilot_settings();
        assert_eq!(settings["autoUpgradePolicy"]["throughputPolicy"]["incrementPercent"], 10);
        assert_eq!(growing.autoscale_max_request_units(), Some(1000));
    }
}
