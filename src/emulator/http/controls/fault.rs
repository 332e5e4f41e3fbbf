//! The control of faults.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use crate::emulator::{Emulator, EmulatorOperation, FaultRule};
use crate::partition_key::PartitionKey;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clear {
    clear: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    kind: Kind,
    status: Option<u16>,
    sub_status: Option<u32>,
    retry_after_ms: Option<u64>,
    body: Option<String>,
    /// Of an answer's body, before it is cut off or stalls.
    bytes: Option<usize>,
    delay_ms: Option<u64>,
    carried_out: Option<bool>,
    operation: Option<Operations>,
    database: Option<String>,
    container: Option<String>,
    region: Option<String>,
    range: Option<String>,
    partition_key: Option<Value>,
    header: Option<[String; 2]>,
    times: Option<u64>,
    after: Option<u64>,
    every: Option<u64>,
    probability: Option<f64>,
    seed: Option<u64>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Status,
    Delay,
    Drop,
    Truncate,
    Stall,
    Hang,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Operations {
    One(String),
    Several(Vec<String>),
}

type Setter<T> = fn(FaultRule, T) -> FaultRule;

/// Puts a rule in force, or ends all.
pub(super) fn control(emulator: &Emulator, body: &Value) -> Result<Value, String> {
    if body.get("clear").is_some() {
        let Clear { clear } = parse(body)?;
        if clear {
            emulator.clear_faults();
        }
    } else {
        emulator.fault(parse::<Rule>(body)?.read()?);
    }
    Ok(json!({}))
}

impl Rule {
    fn read(self) -> Result<FaultRule, String> {
        let rule = self.effect()?;
        self.narrowed(rule)
    }

    fn effect(&self) -> Result<FaultRule, String> {
        let bytes = self.bytes.unwrap_or(0);
        if self.kind != Kind::Status && (self.status.is_some() || self.body.is_some()) {
            return Err(String::from("a status and a body are for the kind 'status' alone"));
        }
        let mut rule = match (self.kind, self.status) {
            (Kind::Status, Some(status @ 400..=599)) => {
                FaultRule::status(status, self.sub_status.unwrap_or(0))
            }
            (Kind::Status, Some(200)) if self.body.is_some() => FaultRule::status(200, 0),
            (Kind::Status, _) => {
                return Err(String::from(
                    "a rule says with which status, from 400 to 599, to refuse",
                ));
            }
            (Kind::Delay, _) => FaultRule::delay(Duration::ZERO),
            (Kind::Drop, _) => FaultRule::dropped_before(),
            (Kind::Truncate, _) => FaultRule::truncated(bytes),
            (Kind::Stall, _) => FaultRule::stalled(bytes),
            (Kind::Hang, _) => FaultRule::hang(),
        };
        if let Some(delay) = self.retry_after_ms {
            rule = rule.retry_after(Duration::from_millis(delay));
        }
        if let Some(body) = &self.body {
            rule = rule.body(body.as_bytes());
        }
        if let Some(delay) = self.delay_ms {
            rule = rule.delayed(Duration::from_millis(delay));
        }
        Ok(if self.carried_out == Some(true) { rule.carried_out() } else { rule })
    }

    fn narrowed(self, rule: FaultRule) -> Result<FaultRule, String> {
        let mut rule = rule;
        let names = match self.operation {
            None => Vec::new(),
            Some(Operations::One(name)) => vec![name],
            Some(Operations::Several(names)) => names,
        };
        for name in names {
            let operation = EmulatorOperation::from_name(&name);
            rule = rule.operation(operation.ok_or_else(|| format!("no operation '{name}'"))?);
        }
        if let Some(key) = self.partition_key {
            let key = PartitionKey::from_header_value(&key.to_string());
            rule = rule.partition_key(key.map_err(|it| it.to_string())?);
        }
        if let Some([name, value]) = self.header {
            rule = rule.header(name, value);
        }
        if let Some(probability) = self.probability {
            rule = rule.probability(probability, self.seed.unwrap_or(0));
        }
        let texts: [(Option<String>, Setter<String>); 4] = [
            (self.database, FaultRule::database),
            (self.container, FaultRule::container),
            (self.region, FaultRule::region),
            (self.range, FaultRule::partition_key_range),
        ];
        let rule = texts.into_iter().fold(rule, |rule, (text, set)| match text {
            Some(text) => set(rule, text),
            None => rule,
        });
        let counts: [(Option<u64>, Setter<u64>); 3] = [
            (self.times, FaultRule::times),
            (self.after, FaultRule::after),
            (self.every, FaultRule::every),
        ];
        Ok(counts.into_iter().fold(rule, |rule, (count, set)| match count {
            Some(count) => set(rule, count),
            None => rule,
        }))
    }
}
