//! The control of regions.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::Emulator;

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    Pause {
        region: String,
    },
    Resume {
        region: String,
    },
    Lag {
        region: String,
        lag_ms: u64,
    },
    Offline {
        region: String,
    },
    Online {
        region: String,
    },
    FailOver {
        region: String,
    },
    BeginFailover {
        region: String,
    },
    Drain {
        region: String,
    },
    Remove {
        region: String,
    },
    Add {
        region: String,
    },
    RevokeWrites {
        region: String,
    },
    RestoreWrites {
        region: String,
    },
    MultiWrite {
        enabled: bool,
    },
    ForbidHedging {
        enabled: bool,
    },
    PartitionFailover {
        enabled: bool,
    },
    /// Changes nothing, and answers how the regions are.
    List {},
}

/// Does it, and answers how the regions are then.
pub(super) fn control(emulator: &Emulator, action: Action) -> Result<Value, String> {
    let done = match action {
        Action::Pause { region } => emulator.pause_replication(&region),
        Action::Resume { region } => emulator.resume_replication(&region),
        Action::Lag { region, lag_ms } => {
            emulator.replication_lag(&region, Duration::from_millis(lag_ms))
        }
        Action::Offline { region } => {
            check_reachable(emulator, &region)?;
            emulator.region_offline(&region)
        }
        Action::Online { region } => emulator.region_online(&region),
        Action::FailOver { region } => emulator.fail_over(&region),
        Action::BeginFailover { region } => emulator.begin_failover(&region),
        Action::Drain { region } => emulator.drain_region(&region),
        Action::Remove { region } => emulator.remove_region(&region),
        Action::Add { region } => emulator.add_region(&region),
        Action::RevokeWrites { region } => emulator.revoke_writes(&region),
        Action::RestoreWrites { region } => emulator.restore_writes(&region),
        Action::MultiWrite { enabled } => emulator.set_multi_write(enabled),
        Action::ForbidHedging { enabled } => {
            emulator.forbid_hedging(enabled);
            Ok(())
        }
        Action::PartitionFailover { enabled } => {
            emulator.set_partition_failover(enabled);
            Ok(())
        }
        Action::List {} => Ok(()),
    };
    done.map_err(|it| it.to_string())?;
    Ok(shown(emulator))
}

/// Without a region the controls could not be reached any more.
fn check_reachable(emulator: &Emulator, region: &str) -> Result<(), String> {
    let topology = emulator.inner.topology();
    let index = topology.find(region);
    let mut regions = topology.regions.iter().enumerate();
    if regions.any(|(it, region)| Some(it) != index && region.is_online) {
        return Ok(());
    }
    Err(String::from("the last region that is online stays online, or nobody could change it"))
}

fn shown(emulator: &Emulator) -> Value {
    let topology = emulator.inner.topology();
    let regions = topology.regions.iter().enumerate().map(|(index, region)| {
        json!({
            "name": region.name,
            "isAdvertised": region.is_advertised,
            "isOnline": region.is_online,
            "isDrained": region.is_drained,
            "takesWrites": topology.takes_writes(index),
        })
    });
    json!({ "regions": regions.collect::<Vec<_>>() })
}
