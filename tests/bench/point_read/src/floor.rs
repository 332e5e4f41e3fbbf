//! The floor, bare ureq at its defaults, and the transport alone: the same request, the same parsing.

use std::error::Error;
use std::time::Duration;

use cosmosdb::transport::{ConnectionOptions, Transport};
use http::Request;

use crate::work::{CITY, CONTAINER, DATABASE, Item, Work, item};

type Outcome = Result<(), Box<dyn Error>>;

pub fn run_ureq(work: &Work) -> Outcome {
    let agent = ureq::Agent::new_with_defaults();
    for _ in 0..work.count {
        let mut response = if work.create {
            agent.run(request(work, serde_json::to_vec(&item())?)?)?
        } else {
            agent.run(request(work, ())?)?
        };
        check(work, response.status().as_u16(), &response.body_mut().read_to_vec()?)?;
    }
    Ok(())
}

pub fn run_transport(work: &Work) -> Outcome {
    let transport = ConnectionOptions::new().build()?;
    for _ in 0..work.count {
        let body = if work.create { serde_json::to_vec(&item())? } else { Vec::new() };
        let request = request(work, body)?;
        let response = transport.send(&request, Duration::from_secs(60))?;
        check(work, response.status().as_u16(), response.body())?;
    }
    Ok(())
}

fn check(work: &Work, status: u16, body: &[u8]) -> Outcome {
    let read: Item = serde_json::from_slice(body)?;
    let expected = if work.create { 201 } else { 200 };
    if status != expected || read.city != CITY {
        return Err(format!("{status} {}", read.city).into());
    }
    Ok(())
}

fn request<B>(work: &Work, body: B) -> Result<Request<B>, Box<dyn Error>> {
    let items = format!("{}/dbs/{DATABASE}/colls/{CONTAINER}/docs", work.endpoint);
    let builder = if work.create {
        Request::post(items).header("content-type", "application/json")
    } else {
        Request::get(format!("{items}/42"))
    };
    Ok(builder
        .header("authorization", AUTHORIZATION)
        .header("x-ms-date", "tue, 01 nov 1994 08:12:31 gmt")
        .header("x-ms-version", "2020-07-15")
        .header("x-ms-documentdb-partitionkey", "[\"Lyon\"]")
        .header("x-ms-session-token", "0:-1#42")
        .header("user-agent", "cosmosdb/0.1.0")
        .header("accept", "application/json")
        .body(body)?)
}

const AUTHORIZATION: &str =
    "type%3Dmaster%26ver%3D1.0%26sig%3Dc09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2Bc%2Bc%3D";
