//! What the service stores about throughput: offers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::word::words;
use super::{SystemProperties, Throughput};

/// The throughput of a database or container, as the service keeps it.
///
/// Offers come and go with their resources; they are read and replaced, not created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OfferProperties {
    /// The name: the resource id of the offer.
    pub id: String,
    /// `V2`, or `V1` of the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_version: Option<String>,
    /// The performance level of a `V1` offer; `Invalid` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_type: Option<PerformanceLevel>,
    /// The `_self` of the database or container.
    #[serde(default)]
    pub resource: String,
    /// The resource id of the database or container.
    #[serde(default)]
    pub offer_resource_id: String,
    /// The amounts. A `V1` offer may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<OfferContent>,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The amounts of an offer, in request units a second (RU/s).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OfferContent {
    /// The fixed amount; of an offer that scales, what is in force just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_throughput: Option<i64>,
    /// The bounds of an offer that scales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_autopilot_settings: Option<AutopilotSettings>,
    /// Whether there is a budget for each minute: an offer of the past.
    #[serde(
        rename = "offerIsRUPerMinuteThroughputEnabled",
        skip_serializing_if = "Option::is_none"
    )]
    pub is_ru_per_minute_enabled: Option<bool>,
    /// What the least amount follows from.
    #[serde(rename = "offerMinimumThroughputParameters", skip_serializing_if = "Option::is_none")]
    pub minimum_throughput: Option<MinimumThroughput>,
    /// When the offer was replaced last, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_last_replace_timestamp: Option<i64>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The bounds of an offer that scales.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutopilotSettings {
    /// The largest amount; the least is a tenth of it.
    pub max_throughput: i64,
    /// All other properties, as they came; `autoUpgradePolicy` among them.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl AutopilotSettings {
    fn throughput(&self) -> Option<Throughput> {
        let throughput = Throughput::autoscale(u32::try_from(self.max_throughput).ok()?);
        let policy = self.other.get("autoUpgradePolicy");
        let percent = policy.and_then(|it| {
            it.pointer("/throughputPolicy/incrementPercent")?.as_u64()?.try_into().ok()
        });
        Some(match percent.filter(|it| *it > 0) {
            Some(percent) => throughput.with_increment_percent(percent),
            None => throughput,
        })
    }
}

/// What the least amount of an offer follows from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct MinimumThroughput {
    /// The largest amount that the resource ever had.
    pub max_throughput_ever_provisioned: i64,
    /// The most that it ever stored, in kilobytes.
    #[serde(rename = "maxConsumedStorageEverInKB")]
    pub max_consumed_storage_ever_in_kb: i64,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

words! {
    /// The fixed amounts of throughput of the past.
    PerformanceLevel {
        /// 250 RU/s.
        S1 = "S1",
        /// 1,000 RU/s.
        S2 = "S2",
        /// 2,500 RU/s.
        S3 = "S3",
    }
}

impl OfferProperties {
    /// The throughput; `None` where the offer has an amount of neither kind, as old performance levels may.
    pub fn throughput(&self) -> Option<Throughput> {
        let content = self.content.as_ref()?;
        let amount = |it: i64| u32::try_from(it).ok();
        match &content.offer_autopilot_settings {
            Some(settings) => settings.throughput(),
            None => content.offer_throughput.and_then(amount).map(Throughput::manual),
        }
    }

    /// Sets the amount, to replace the offer with. What the service keeps beside it stays.
    ///
    /// That a fixed amount becomes one that scales, or the other way round, the service takes only with a header of its
    /// own: [`ResourceThroughput::replace`](crate::ResourceThroughput::replace) sees to that.
    pub fn set_throughput(&mut self, throughput: Throughput) {
        let content = self.content.get_or_insert_default();
        if let Some(request_units) = throughput.manual_request_units() {
            content.offer_throughput = Some(request_units.into());
            content.offer_autopilot_settings = None;
            return;
        }
        let settings = content.offer_autopilot_settings.get_or_insert_default();
        let Ok(wanted) =
            serde_json::from_value::<AutopilotSettings>(throughput.autopilot_settings())
        else {
            return;
        };
        settings.max_throughput = wanted.max_throughput;
        settings.other.extend(wanted.other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn offer(content: &Value) -> Value {
        json!({
            "id": "Hu+t", "offerVersion": "V2", "offerType": "Invalid", "resource": "dbs/d9RzAA==/",
            "offerResourceId": "d9RzAA==", "content": content, "_rid": "Hu+t", "_self": "offers/Hu+t/",
            "_etag": "\"e\"", "_ts": 1,
        })
    }

    #[test]
    fn an_offer_keeps_what_it_does_not_know_and_tells_its_throughput() {
        let manual = json!({
            "offerThroughput": 400, "offerIsRUPerMinuteThroughputEnabled": false,
            "offerMinimumThroughputParameters": {
                "maxThroughputEverProvisioned": 400, "maxConsumedStorageEverInKB": 0, "later": 1,
            },
            "offerLastReplaceTimestamp": 5, "later": 1,
        });
        let scaling = json!({
            "offerThroughput": 400,
            "offerAutopilotSettings": {
                "maxThroughput": 4000, "tier": 0,
                "autoUpgradePolicy": {"throughputPolicy": {"incrementPercent": 10}},
            },
        });
        let growing = Throughput::autoscale(4000).with_increment_percent(10);
        for (content, expected) in [(manual, Throughput::manual(400)), (scaling, growing)] {
            let read: OfferProperties = serde_json::from_value(offer(&content)).unwrap();
            assert_eq!(read.throughput(), Some(expected));
            assert_eq!(serde_json::to_value(&read).unwrap(), offer(&content));
        }
        let old =
            json!({"id": "x", "offerVersion": "V1", "offerType": "S2", "offerResourceId": "r"});
        let old: OfferProperties = serde_json::from_value(old).unwrap();
        assert_eq!((old.offer_type.clone(), old.throughput()), (Some(PerformanceLevel::S2), None));
    }

    #[test]
    fn another_amount_leaves_the_rest_as_it_was() {
        let content = json!({
            "offerThroughput": 400, "later": 1,
            "offerAutopilotSettings": {"maxThroughput": 4000, "tier": 0},
        });
        let mut read: OfferProperties = serde_json::from_value(offer(&content)).unwrap();
        read.set_throughput(Throughput::autoscale(6000).with_increment_percent(10));
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["content"]["later"], 1);
        assert_eq!(
            written["content"]["offerAutopilotSettings"],
            json!({
                "maxThroughput": 6000, "tier": 0,
                "autoUpgradePolicy": {"throughputPolicy": {"incrementPercent": 10}},
            })
        );
        read.set_throughput(Throughput::manual(500));
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["content"], json!({"offerThroughput": 500, "later": 1}));
    }
}
