//! What tests do to the account's regions: lag, outage, failover, and regions that come and go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::builder::{NOT_BOTH, check_region, regional_endpoint};
use super::handlers::execution::resolver;
use super::topology::{Region, Replication, Topology};
use super::{Emulator, Inner};
use crate::error::{Error, Result};
use crate::models::ConsistencyLevel;

impl Emulator {
    /// The names of the account's regions, as its document names them.
    pub fn regions(&self) -> Vec<String> {
        self.inner.topology().advertised().map(|it| it.1.name.clone()).collect()
    }

    /// Cuts a region off from what is written elsewhere, until [`resume_replication`](Self::resume_replication).
    ///
    /// Its items stay as they are. Reads with a session token that is ahead of them are refused with 404, sub-status
    /// 1002. Where several regions take writes, the others do not get what is written in it either. Databases,
    /// containers, splits and merges are there in all regions at once, however they lag.
    ///
    /// ```
    /// use cosmosdb::Emulator;
    ///
    /// let emulator = Emulator::builder().regions(["East US", "West US"]).build()?;
    /// emulator.pause_replication("West US")?;
    /// // Write in East US, read in West US: it is not there yet.
    /// emulator.resume_replication("West US")?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn pause_replication(&self, region: &str) -> Result<()> {
        self.replicate(region, Replication::Paused)
    }

    /// Lets a region catch up, at once, and keep up from then on.
    ///
    /// Where several regions take writes, what they wrote comes together now, and conflicts are resolved.
    pub fn resume_replication(&self, region: &str) -> Result<()> {
        self.replicate(region, Replication::Immediate)
    }

    /// Lets a region lag behind by this much time on the emulator's clock.
    pub fn replication_lag(&self, region: &str, lag: Duration) -> Result<()> {
        let replication =
            if lag.is_zero() { Replication::Immediate } else { Replication::After(lag) };
        self.replicate(region, replication)
    }

    /// Takes a region off the network: connections to it are refused.
    pub fn region_offline(&self, region: &str) -> Result<()> {
        self.set_online(region, false)
    }

    /// Puts a region on the network again.
    pub fn region_online(&self, region: &str) -> Result<()> {
        self.set_online(region, true)
    }

    /// Makes a region the one that takes writes, and ends a failover that was begun. It has everything first.
    ///
    /// The one before refuses writes with 403, sub-status 3.
    pub fn fail_over(&self, region: &str) -> Result<()> {
        self.resume_replication(region)?;
        self.change(region, |topology, index| {
            topology.write_region = index;
            topology.outgoing = None;
        })
    }

    /// Begins to make a region the one that takes writes: it takes them, and the one before does not any more, but the
    /// account's document names both for writes, the one before first. [`fail_over`](Self::fail_over) ends it.
    pub fn begin_failover(&self, region: &str) -> Result<()> {
        self.resume_replication(region)?;
        self.change(region, |topology, index| {
            if topology.write_region != index {
                topology.outgoing = Some(topology.write_region);
                topology.write_region = index;
            }
        })
    }

    /// Drains a region for removal: it refuses everything with 403, sub-status 1008, but is advertised still.
    pub fn drain_region(&self, region: &str) -> Result<()> {
        self.change(region, |topology, index| topology.regions[index].is_drained = true)
    }

    /// Removes a region: the account's document does not name it any more, and it refuses everything with 403,
    /// sub-status 1008. The last region, and the one that alone takes writes, cannot be removed.
    pub fn remove_region(&self, region: &str) -> Result<()> {
        let topology = self.inner.topology();
        let index = find(&topology, region)?;
        let is_writer = !topology.multi_write && topology.write_region == index;
        if is_writer || topology.advertised().all(|it| it.0 == index) {
            return Err(Error::invalid_input(format!("the account needs the region '{region}'")));
        }
        self.change(region, |topology, index| {
            topology.regions[index].is_drained = true;
            topology.regions[index].is_advertised = false;
            topology.version += 1;
        })
    }

    /// Adds a region, with everything that the account holds; or restores one that was drained or removed.
    ///
    /// A region that comes when the account is on a port already can be reached in process alone.
    pub fn add_region(&self, name: &str) -> Result<()> {
        if self.inner.topology().find(name).is_none() {
            check_region(name, std::iter::empty())?;
            self.inner.change(|topology| {
                topology.regions.push(Region::new(name.to_owned(), regional_endpoint(name)));
                topology.version += 1;
            });
            return Ok(());
        }
        self.change(name, |topology, index| {
            topology.version += i64::from(!topology.regions[index].is_advertised);
            topology.regions[index].is_advertised = true;
            topology.regions[index].is_drained = false;
        })
    }

    /// Lets a region refuse writes with 403, sub-status 3, although the account's document names it for them.
    pub fn revoke_writes(&self, region: &str) -> Result<()> {
        self.change(region, |topology, index| topology.regions[index].is_write_revoked = true)
    }

    /// Lets a region take writes again.
    pub fn restore_writes(&self, region: &str) -> Result<()> {
        self.change(region, |topology, index| topology.regions[index].is_write_revoked = false)
    }

    /// Lets every region take writes, or only one. Where they lag, they have everything first. It fails for an account
    /// with strong consistency, which takes writes in one region only.
    pub fn set_multi_write(&self, enabled: bool) -> Result<()> {
        let topology = self.inner.topology();
        if enabled && topology.consistency == ConsistencyLevel::Strong {
            return Err(Error::invalid_input(NOT_BOTH));
        }
        topology.regions.iter().try_for_each(|it| self.resume_replication(&it.name))?;
        self.inner.change(|topology| {
            topology.version += i64::from(topology.multi_write != enabled);
            topology.multi_write = enabled;
        });
        self.inner.settle();
        Ok(())
    }

    /// Lets the account's document forbid hedged reads, or not.
    pub fn forbid_hedging(&self, forbidden: bool) {
        self.inner.change(|topology| topology.forbids_hedging = forbidden);
    }

    /// Lets partitions fail over one by one: the account's document says so, and every region takes writes.
    pub fn set_partition_failover(&self, enabled: bool) {
        self.inner.change(|topology| topology.partition_failover = enabled);
    }

    fn change(&self, region: &str, change: impl FnOnce(&mut Topology, usize)) -> Result<()> {
        let index = find(&self.inner.topology(), region)?;
        self.inner.change(|topology| change(topology, index));
        Ok(())
    }

    fn set_online(&self, region: &str, is_online: bool) -> Result<()> {
        let index = find(&self.inner.topology(), region)?;
        self.inner.change(|topology| topology.regions[index].is_online = is_online);
        self.inner.doors.set_open(index, is_online);
        Ok(())
    }

    fn replicate(&self, region: &str, replication: Replication) -> Result<()> {
        let index = find(&self.inner.topology(), region)?;
        // What was due until now arrives by the rule that held until now.
        self.inner.settle();
        self.inner.change(|topology| topology.regions[index].replication = replication);
        self.inner.settle();
        Ok(())
    }
}

fn find(topology: &Topology, name: &str) -> Result<usize> {
    topology
        .find(name)
        .ok_or_else(|| Error::invalid_input(format!("the account has no region '{name}'")))
}

impl Inner {
    /// Puts a changed topology in the place of the one before, and gives regions that begin to lag their own state.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Topology)) {
        let mut account = self.write();
        let mut changed = (*self.topology()).clone();
        change(&mut changed);
        let changed = Arc::new(changed);
        self.set_topology(Arc::clone(&changed));
        account.adopt(&changed);
        let lagging: Vec<usize> = changed.lagging().collect();
        if lagging.is_empty() {
            return;
        }
        self.has_replicas.store(true, Ordering::SeqCst);
        for container in account.containers_mut() {
            lagging.iter().for_each(|it| container.part(*it));
        }
    }

    /// Carries between regions what is due.
    pub(crate) fn settle(&self) {
        if !self.has_replicas.load(Ordering::SeqCst) {
            return;
        }
        self.exchange();
        if resolver::resolve(self) {
            self.exchange();
        }
    }

    fn exchange(&self) {
        let mut account = self.write();
        let topology = self.topology();
        let mut remain = topology.lagging().next().is_some();
        for container in account.containers_mut() {
            let regions: Vec<usize> = container.replicas.keys().copied().collect();
            for region in regions {
                let replication = topology.regions.get(region).map(|it| it.replication);
                match replication.unwrap_or(Replication::Immediate) {
                    Replication::Paused => {}
                    Replication::After(lag) => {
                        // Nothing is due before the lag has passed for the first time.
                        if let Some(until) = self.monotonic().checked_sub(lag) {
                            container.exchange(region, until);
                        }
                    }
                    // Where all regions write, their steps are counted apart once they were; readers of a region's
                    // change feed go on in its own count.
                    Replication::Immediate if topology.multi_write => {
                        container.exchange(region, Duration::MAX);
                    }
                    Replication::Immediate => container.rejoin(region),
                }
            }
            remain |= !container.replicas.is_empty();
        }
        self.has_replicas.store(remain, Ordering::SeqCst);
    }
}
