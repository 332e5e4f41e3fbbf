//! `point_read server` answers as a gateway does; `point_read WHO WHAT COUNT ENDPOINT` asks it COUNT times.
//!
//! WHO is `ureq`, `transport` or `client`; WHAT is `read` or `create`. `../run.sh` runs and counts them all.

mod client;
mod floor;
mod server;
mod work;

use std::error::Error;

use work::Work;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server"] => server::run(),
        [who, what, count, endpoint] => {
            let work = Work { create: what == "create", count: count.parse()?, endpoint };
            match who {
                "ureq" => floor::run_ureq(&work),
                "transport" => floor::run_transport(&work),
                "client" => client::run_client(&work),
                _ => Err("WHO is ureq, transport or client".into()),
            }
        }
        _ => Err("usage: point_read server | point_read WHO WHAT COUNT ENDPOINT".into()),
    }
}
