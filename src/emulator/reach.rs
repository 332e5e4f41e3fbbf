//! How an emulator on ports was reached, and so where its regions are for that client.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use http::Uri;

/// By which of a server's ports a request came. It travels in the extensions of the request.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// The number of the region that listens there.
    pub(crate) region: usize,
    /// The ports of all regions, in their order.
    pub(crate) ports: Arc<[u16]>,
}

/// A server's way to let clients in, or not.
pub(crate) trait Door: Send + Sync {
    /// Opens or closes the port of a region.
    fn set_open(&self, region: usize, is_open: bool);
}

/// The doors of the servers that the account is on.
#[derive(Default)]
pub(crate) struct Doors(Mutex<Vec<Weak<dyn Door>>>);

impl Doors {
    #[cfg(feature = "server")]
    pub(crate) fn add(&self, door: &Arc<dyn Door>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.retain(|it| it.strong_count() > 0);
        doors.push(Arc::downgrade(door));
    }

    pub(crate) fn set_open(&self, region: usize, is_open: bool) {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        doors.iter().filter_map(Weak::upgrade).for_each(|it| it.set_open(region, is_open));
    }
}

impl Reach {
    /// The endpoints of all regions, for a client that asks at `uri`.
    ///
    /// Host and port are those that the client used, because a container's host and port may be others outside of it.
    /// Only `localhost` becomes `127.0.0.1`, as with Microsoft's emulator.
    pub(crate) fn endpoints(&self, uri: &Uri) -> Vec<String> {
        let scheme = uri.scheme_str().unwrap_or("http");
        let host = match uri.host() {
            Some(host) if !host.eq_ignore_ascii_case("localhost") => host,
            _ => "127.0.0.1",
        };
        let endpoint = |(region, port): (usize, &u16)| {
            let port = if region == self.region { uri.port_u16() } else { Some(*port) };
            match port {
                Some(port) => format!("{scheme}://{host}:{port}/"),
                None => format!("{scheme}://{host}/"),
            }
        };
        self.ports.iter().enumerate().map(endpoint).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_where_the_client_can_reach_them() {
        for (region, uri, expected) in [
            (0, "http://127.0.0.1:1/", ["http://127.0.0.1:1/", "http://127.0.0.1:2/"]),
            (0, "https://LocalHost:1/", ["https://127.0.0.1:1/", "https://127.0.0.1:2/"]),
            (1, "http://127.0.0.1:2/", ["http://127.0.0.1:1/", "http://127.0.0.1:2/"]),
            (0, "http://cosmos:9/dbs", ["http://cosmos:9/", "http://cosmos:2/"]),
            (1, "https://cosmos/dbs", ["https://cosmos:1/", "https://cosmos/"]),
            (0, "http://[::1]:1/", ["http://[::1]:1/", "http://[::1]:2/"]),
        ] {
            let reach = Reach { region, ports: Arc::from([1, 2]) };
            assert_eq!(reach.endpoints(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
