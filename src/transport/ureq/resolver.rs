//! Host names and their addresses, remembered for a minute.
//!
//! ureq resolves the name for every request, also for one that goes out on a pooled connection. Remembering saves a
//! query each time, and keeps an established connection usable while name service is down.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::connector::Shared;
use super::exchange::{self, Phase};

/// How long addresses are used before they are looked up again.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// How long old addresses serve on while one thread looks them up again, or after it failed to.
const GRACE: Duration = Duration::from_secs(5);

/// As many addresses as ureq can carry.
const MAX_ADDRESSES: usize = 16;

type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// Resolves from the shared memory of names.
#[derive(Debug)]
pub(super) struct CachingResolver(pub(super) Arc<Shared>);

impl Resolver for CachingResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let phase = exchange::current().phase;
        exchange::update(|it| it.phase = Phase::Resolve);
        let (host, port) = host_and_port(uri)?;
        let mut resolved = self.empty();
        if let Some(address) = literal(host) {
            resolved.push(SocketAddr::new(address, port));
        } else {
            let addresses = self.0.names.addresses(host, self.0.connect_timeout)?;
            for address in addresses.iter().take(MAX_ADDRESSES) {
                resolved.push(SocketAddr::new(*address, port));
            }
        }
        exchange::update(|it| it.phase = phase);
        Ok(resolved)
    }
}

fn host_and_port(uri: &Uri) -> Result<(&str, u16), Error> {
    let port = uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    });
    match (uri.host(), port) {
        (Some(host), Some(port)) if !host.is_empty() => Ok((host, port)),
        _ => Err(Error::BadUri("neither http nor https".into())),
    }
}

/// The address that `host` is, if it is one in itself.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The addresses of the hosts that were asked for.
pub(super) struct Names {
    known: RwLock<HashMap<Box<str>, Known>>,
    lookup: Lookup,
}

struct Known {
    addresses: Arc<[IpAddr]>,
    expires: Instant,
}

impl Default for Names {
    fn default() -> Self {
        Self::with_lookup(Arc::new(ask_the_system))
    }
}

impl Names {
    fn with_lookup(lookup: Lookup) -> Self {
        Self { known: RwLock::default(), lookup }
    }

    /// The addresses of `host`, from memory or looked up within `limit`.
    fn addresses(&self, host: &str, limit: Duration) -> Result<Arc<[IpAddr]>, Error> {
        if let Some(addresses) = self.fresh(host).or_else(|| self.claimed_by_another(host)) {
            return Ok(addresses);
        }
        match self.look_up(host, limit) {
            Ok(addresses) => Ok(self.learn(host, addresses.into())),
            // Addresses that were right a minute ago are better than none.
            Err(error) => self.fresh(host).ok_or(error),
        }
    }

    fn fresh(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get(host)?;
        (entry.expires > Instant::now()).then(|| entry.addresses.clone())
    }

    /// Lets the first thread that finds an entry expired look it up, and the others use it a little longer.
    fn claimed_by_another(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get_mut(host)?;
        let now = Instant::now();
        if entry.expires > now {
            return Some(entry.addresses.clone());
        }
        entry.expires = now + GRACE;
        None
    }

    /// Asks on a thread of its own, since the system's resolver cannot be told how long it may take.
    fn look_up(&self, host: &str, limit: Duration) -> Result<Vec<IpAddr>, Error> {
        let limit = exchange::remaining()?.map_or(limit, |left| left.min(limit));
        let (sender, receiver) = sync_channel(1);
        let (lookup, name) = (self.lookup.clone(), host.to_owned());
        thread::Builder::new().name("cosmosdb-resolve".into()).spawn(move || {
            // Nobody listens any more once the time was up.
            let _ = sender.send(lookup(&name));
        })?;
        match receiver.recv_timeout(limit) {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(Error::HostNotFound),
            Ok(found) => Ok(found?),
            Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(ureq::Timeout::Resolve)),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::from(ErrorKind::Other).into()),
        }
    }

    fn learn(&self, host: &str, addresses: Arc<[IpAddr]>) -> Arc<[IpAddr]> {
        let entry = Known { addresses: addresses.clone(), expires: Instant::now() + TIME_TO_LIVE };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(host.into(), entry);
        addresses
    }

    /// Drops what is known of a host whose addresses do not answer.
    pub(super) fn forget(&self, host: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    /// Puts the address that answered first, for the next connection.
    pub(super) fn prefer(&self, host: &str, address: IpAddr) {
        let is_first = |known: &Known| known.addresses.first() == Some(&address);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(host).is_none_or(is_first) {
            return;
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(host) {
            let others = entry.addresses.iter().copied().filter(|it| *it != address);
            entry.addresses = std::iter::once(address).chain(others).collect();
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(known.keys()).finish()
    }
}

fn ask_the_system(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|it| it.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn expire(names: &Names, host: &str) {
        names.known.write().unwrap().get_mut(host).unwrap().expires = Instant::now();
    }

    fn two_addresses(_: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()])
    }

    #[test]
    fn a_name_is_looked_up_once_and_again_when_forgotten() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let names = Names::with_lookup(Arc::new(move |host| {
            counter.fetch_add(1, Ordering::Relaxed);
            two_addresses(host)
        }));
        for _ in 0..2 {
            assert_eq!(names.addresses("example.test", LIMIT).unwrap().len(), 2);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        names.forget("example.test");
        names.addresses("example.test", LIMIT).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_address_is_no_name() {
        assert!(literal("127.0.0.1").is_some());
        assert!(literal("[::1]").is_some());
        assert!(literal("example.test").is_none());
    }

    #[test]
    fn old_addresses_serve_on_while_name_service_is_down() {
        let answers = Mutex::new(vec![two_addresses("")]);
        let names = Names::with_lookup(Arc::new(move |_| {
            answers.lock().unwrap().pop().unwrap_or_else(|| Err(ErrorKind::Other.into()))
        }));
        let first = names.addresses("example.test", LIMIT).unwrap();
        expire(&names, "example.test");
        assert_eq!(names.addresses("example.test", LIMIT).unwrap(), first);
        assert!(names.addresses("other.test", LIMIT).is_err());
    }

    #[test]
    fn the_address_that_answered_comes_first() {
        let names = Names::with_lookup(Arc::new(two_addresses));
        names.addresses("example.test", LIMIT).unwrap();
        let answered = "127.0.0.1".parse().unwrap();
        names.prefer("example.test", answered);
        assert_eq!(
            names.addresses("example.test", LIMIT).unwrap()[..],
            [answered, "::1".parse().unwrap()]
        );
    }

    #[test]
    fn a_lookup_that_hangs_is_left_behind() {
        let (release, is_released) = channel::<()>();
        let is_released = Mutex::new(is_released);
        let names = Names::with_lookup(Arc::new(move |host| {
            let _ = is_released.lock().unwrap().recv();
            two_addresses(host)
        }));
        let error = names.addresses("example.test", Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, Error::Timeout(_)));
        drop(release);
        assert_eq!(names.addresses("example.test", LIMIT).unwrap().len(), 2);
    }
}
