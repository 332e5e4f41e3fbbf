//! Offers: the throughput that a database or container has.

use std::time::Duration;

use crate::emulator::refusal::Refusal;
use crate::emulator::request::Request;
use crate::emulator::sql::value::{Object, Value};
use crate::wire::header;

/// The throughput of one resource.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) rid: String,
    /// The `_self` of the resource.
    pub(crate) resource: String,
    pub(crate) resource_rid: String,
    pub(crate) throughput: Throughput,
    pub(crate) etag: String,
    pub(crate) timestamp: u64,
    /// Until when a change of it is under way, by the clock that does not go back.
    pub(crate) pending_until: Duration,
}

/// Request units per second.
#[derive(Clone, Debug)]
pub(crate) struct Throughput {
    pub(crate) kind: Scale,
    pub(crate) most_ever: u64,
    /// The performance level of the past that it was made with.
    level: Option<&'static str>,
    /// Whether there is a budget for each minute, as there was in the past.
    pub(crate) is_per_minute: bool,
}

/// How throughput is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    Manual(u64),
    /// Up to a maximum, which grows by so many percent when storage does.
    Auto {
        maximum: u64,
        increment_percent: u64,
    },
}

/// What a container has that was made without saying so.
pub(crate) const DEFAULT: u64 = 400;
const HIGHEST: u64 = 1_000_000;
/// The performance levels of the past.
const LEVELS: [(&str, u64); 3] = [("S1", 250), ("S2", 1_000), ("S3", 2_500)];
/// What one partition can serve, and up to which maximum under autoscale.
const PER_PARTITION: u64 = 6_000;
const PER_PARTITION_AUTO: u64 = 10_000;

impl Throughput {
    /// Checks a scale against the service's limits.
    pub(crate) fn new(kind: Scale) -> Result<Self, Refusal> {
        match kind {
            Scale::Manual(units) if !(400..=HIGHEST).contains(&units) || units % 100 != 0 => {
                Err(kind.out_of_bounds(400))
            }
            Scale::Auto { maximum, .. }
                if !(1000..=HIGHEST).contains(&maximum) || maximum % 1000 != 0 =>
            {
                Err(kind.out_of_bounds(1000))
            }
            kind => Ok(Self::of(kind)),
        }
    }

    fn of(kind: Scale) -> Self {
        Self { kind, most_ever: kind.most(), level: None, is_per_minute: false }
    }

    /// The throughput of a performance level of the past.
    fn of_level(word: &str) -> Result<Self, Refusal> {
        let level = LEVELS.iter().find(|it| it.0.eq_ignore_ascii_case(word));
        let (level, units) = level.ok_or_else(|| {
            bad_throughput(&format!("The offer type '{word}' is none of S1, S2 and S3."))
        })?;
        Ok(Self { level: Some(level), ..Self::of(Scale::Manual(*units)) })
    }

    /// The same with another scale, if it is not less than what the resource can be set to.
    pub(crate) fn changed(&self, kind: Scale) -> Result<Self, Refusal> {
        let mut new = Self::new(kind)?;
        new.most_ever = new.most_ever.max(self.most_ever);
        new.is_per_minute = self.is_per_minute;
        let least = new.least();
        if kind.most() < least { Err(kind.out_of_bounds(least)) } else { Ok(new) }
    }

    /// The least that the resource can be set to: a hundredth of the highest that it ever had, or a tenth under
    /// autoscale. What is stored counts on the service too, but not here.
    pub(crate) fn least(&self) -> u64 {
        match self.kind {
            Scale::Manual(_) => self.most_ever.div_ceil(10_000).max(4) * 100,
            Scale::Auto { .. } => self.most_ever.div_ceil(10_000).max(1) * 1000,
        }
    }

    /// The throughput that a create asks for in its headers.
    pub(crate) fn of_request(request: &Request<'_>) -> Result<Option<Self>, Refusal> {
        let manual = request.header(&header::OFFER_THROUGHPUT);
        let auto = request.header(&header::OFFER_AUTOPILOT);
        let throughput = match (manual, auto) {
            (Some(_), Some(_)) => Err(bad_throughput(
                "Both throughput and autopilot settings are given. Only one of them can be.",
            )),
            (Some(units), None) => {
                let units =
                    units.parse().map_err(|_| bad_throughput("The throughput is not a number."))?;
                Self::new(Scale::Manual(units))
            }
            (None, Some(settings)) => {
                let settings = Value::from_json(settings.as_bytes())
                    .map_err(|_| bad_throughput("The autopilot settings are not JSON."))?;
                Self::new(read_auto(&settings)?)
            }
            (None, None) => match request.header(&header::OFFER_TYPE) {
                Some(level) => Self::of_level(level),
                None => return Ok(None),
            },
        }?;
        let is_per_minute = request.is_set(&header::RU_PER_MINUTE_ENABLED);
        Ok(Some(Self { is_per_minute, ..throughput }))
    }

    /// How many partitions a container needs for it.
    pub(crate) fn partitions(&self) -> usize {
        let count = match self.kind {
            Scale::Manual(units) => units.div_ceil(PER_PARTITION),
            Scale::Auto { maximum, .. } => maximum.div_ceil(PER_PARTITION_AUTO),
        };
        usize::try_from(count).unwrap_or(1).max(1)
    }
}

impl Scale {
    /// The most that it allows.
    pub(crate) fn most(self) -> u64 {
        match self {
            Self::Manual(units) => units,
            Self::Auto { maximum, .. } => maximum,
        }
    }

    fn out_of_bounds(self, least: u64) -> Refusal {
        bad_throughput(&match self {
            Self::Manual(_) => format!(
                "The offer should have valid throughput values between {least} and {HIGHEST} inclusive in increments of 100."
            ),
            Self::Auto { .. } => format!(
                "The autopilot offer should have a maximum throughput between {least} and {HIGHEST} inclusive in increments of 1000."
            ),
        })
    }
}

/// Reads `{"maxThroughput":4000,"autoUpgradePolicy":{"throughputPolicy":{"incrementPercent":0}}}`.
pub(crate) fn read_auto(settings: &Value) -> Result<Scale, Refusal> {
    let maximum = unsigned(&settings.get("maxThroughput"))
        .ok_or_else(|| bad_throughput("The autopilot settings lack maxThroughput."))?;
    let policy = settings.get("autoUpgradePolicy").get("throughputPolicy").get("incrementPercent");
    Ok(Scale::Auto { maximum, increment_percent: unsigned(&policy).unwrap_or(0) })
}

pub(crate) fn unsigned(value: &Value) -> Option<u64> {
    value.as_number()?.as_i64().and_then(|it| it.try_into().ok())
}

pub(crate) fn bad_throughput(text: &str) -> Refusal {
    Refusal::replica(400, 0.0, text)
}

impl Offer {
    /// `offers/{rid}/`
    pub(crate) fn self_link(&self) -> String {
        format!("offers/{}/", self.rid)
    }

    /// The offer as the service shows it.
    pub(crate) fn to_value(&self) -> Value {
        Object::from_iter([
            ("resource", Value::from(self.resource.as_str())),
            ("offerType", self.throughput.level.unwrap_or("Invalid").into()),
            ("offerResourceId", self.resource_rid.as_str().into()),
            ("offerVersion", if self.throughput.level.is_some() { "V1" } else { "V2" }.into()),
            ("content", self.content().into()),
            ("id", self.rid.as_str().into()),
            ("_rid", self.rid.as_str().into()),
            ("_self", self.self_link().into()),
            ("_etag", self.etag.as_str().into()),
            ("_ts", self.timestamp.into()),
        ])
        .into()
    }

    fn content(&self) -> Object {
        let scale = self.throughput.kind;
        let in_force = match scale {
            Scale::Manual(units) => units,
            Scale::Auto { maximum, .. } => maximum / 10,
        };
        let minimum = Object::from_iter([
            ("maxThroughputEverProvisioned", Value::from(self.throughput.most_ever)),
            ("maxConsumedStorageEverInKB", Value::from(0_u64)),
        ]);
        let mut content = Object::from_iter([
            ("offerThroughput", Value::from(in_force)),
            ("offerIsRUPerMinuteThroughputEnabled", Value::from(self.throughput.is_per_minute)),
            ("offerMinimumThroughputParameters", minimum.into()),
        ]);
        if let Scale::Auto { maximum, increment_percent } = scale {
            let policy = Object::from_iter([("incrementPercent", Value::from(increment_percent))]);
            let upgrade = Object::from_iter([("throughputPolicy", Value::from(policy))]);
            let settings = Object::from_iter([
                ("tier", Value::from(0_u64)),
                ("maximumTierThroughput", Value::from(0_u64)),
                ("autoUpgrade", Value::from(false)),
                ("maxThroughput", Value::from(maximum)),
                ("autoUpgradePolicy", upgrade.into()),
            ]);
            content.insert("offerAutopilotSettings", settings.into());
        }
        content
    }
}
