//! A gateway over items that it makes up, which answers each page after a while.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::data::{LARGE, LARGE_ITEMS, RANGES, SORTED, item, scattered, sorted_row};

struct Gateway {
    endpoint: String,
    delay: Duration,
    /// Items of a page where the client leaves it to the server.
    page: usize,
    scattered: Vec<Vec<usize>>,
}

struct Request {
    path: String,
    headers: HashMap<String, String>,
    body: String,
}

/// Prints its endpoint and serves until it is killed.
pub fn run(delay: Duration, page: usize) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    println!("{endpoint}");
    let gateway = Arc::new(Gateway { endpoint, delay, page, scattered: scattered() });
    for stream in listener.incoming() {
        let (stream, gateway) = (stream?, Arc::clone(&gateway));
        stream.set_nodelay(true)?;
        thread::spawn(move || gateway.converse(stream));
    }
    Ok(())
}

impl Gateway {
    fn converse(&self, stream: TcpStream) -> Option<()> {
        let mut output = stream.try_clone().ok()?;
        let mut input = BufReader::new(stream);
        loop {
            let request = Request::read(&mut input)?;
            let answer = self.answer(&request);
            output.write_all(answer.as_bytes()).ok()?;
        }
    }

    fn answer(&self, request: &Request) -> String {
        let segments: Vec<&str> = request.path.split('/').filter(|it| !it.is_empty()).collect();
        match segments[..] {
            [] => answer("", &self.account()),
            [_, _, _, container] => answer("", &definition(container)),
            [_, _, _, _, "pkranges"] => answer("", &ranges()),
            _ if request.header("x-ms-cosmos-is-query-plan-request").is_some() => {
                answer("", &plan(request.body.contains("ORDER BY")))
            }
            [_, _, _, container, _] => self.page(container, request),
            _ => answer("", "{}"),
        }
    }

    /// A page of a range; its continuation is the number of rows before the next.
    fn page(&self, container: &str, request: &Request) -> String {
        let number = |name| request.header(name).and_then(|it| it.parse::<usize>().ok());
        let range = number("x-ms-documentdb-partitionkeyrangeid").unwrap_or(0);
        let from = number("x-ms-continuation").unwrap_or(0);
        let most = number("x-ms-max-item-count").unwrap_or(self.page);
        let (rows, total): (Vec<String>, usize) = if container == SORTED {
            let range = &self.scattered[range];
            (range.iter().skip(from).take(most).map(|it| sorted_row(*it)).collect(), range.len())
        } else {
            let first = |range| LARGE_ITEMS * range / RANGES;
            let total = first(range + 1) - first(range);
            let rows = (first(range)..first(range + 1)).skip(from).take(most).map(item);
            (rows.collect(), total)
        };
        let mut headers = format!("x-ms-item-count: {}\r\n", rows.len());
        if from + rows.len() < total {
            headers += &format!("x-ms-continuation: {}\r\n", from + rows.len());
        }
        let (count, rows) = (rows.len(), rows.join(","));
        let body = format!(r#"{{"_rid":"dbs0AA==","Documents":[{rows}],"_count":{count}}}"#);
        thread::sleep(self.delay);
        answer(&headers, &body)
    }

    fn account(&self) -> String {
        let endpoint = &self.endpoint;
        let regions = format!(r#"[{{"name":"East US","databaseAccountEndpoint":"{endpoint}/"}}]"#);
        format!(
            r#"{{"id":"bench","_rid":"bench.documents.azure.com","writableLocations":{regions},"readableLocations":{regions},"enableMultipleWriteLocations":false,"userConsistencyPolicy":{{"defaultConsistencyLevel":"Session"}}}}"#
        )
    }
}

impl Request {
    fn read(input: &mut impl BufRead) -> Option<Self> {
        let line = |input: &mut dyn BufRead| {
            let mut line = String::new();
            let length = input.read_line(&mut line).ok()?;
            (length > 0).then(|| line.trim_end().to_owned())
        };
        let path = line(input)?.split(' ').nth(1)?.to_owned();
        let mut headers = HashMap::new();
        loop {
            let header = line(input)?;
            let Some((name, value)) = header.split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        Some(Self { path, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

fn answer(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\n{COMMON}{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const COMMON: &str = "\
x-ms-activity-id: 8f3a2c44-2d5a-4c52-9e1f-0c6f0a6f7a11\r\n\
x-ms-request-charge: 2.89\r\n\
x-ms-session-token: 0:-1#42\r\n\
x-ms-schemaversion: 1.21\r\n\
x-ms-serviceversion: version=2.14.0.0\r\n\
x-ms-gatewayversion: version=2.14.0\r\n";

fn definition(container: &str) -> String {
    let rid = if container == LARGE { "dbs0AAE=" } else { "dbs0AAI=" };
    format!(
        r#"{{"id":"{container}","_rid":"{rid}","_self":"dbs/bench/","partitionKey":{{"paths":["/id"],"kind":"Hash","version":2}}}}"#
    )
}

fn ranges() -> String {
    let edge = |at: usize| match at {
        0 => String::new(),
        RANGES => "FF".into(),
        _ => format!("{:02X}", at * 0x40 / RANGES),
    };
    let range = |at: usize| {
        let (min, max) = (edge(at), edge(at + 1));
        format!(
            r#"{{"id":"{at}","_rid":"dbs0AAIA","minInclusive":"{min}","maxExclusive":"{max}","parents":[]}}"#
        )
    };
    let ranges: Vec<String> = (0..RANGES).map(range).collect();
    format!(
        r#"{{"_rid":"dbs0AA==","PartitionKeyRanges":[{}],"_count":{RANGES}}}"#,
        ranges.join(",")
    )
}

fn plan(is_sorted: bool) -> String {
    let (order, text) = if is_sorted { (ORDER, REWRITTEN) } else { ("", "") };
    format!(
        r#"{{"partitionedQueryExecutionInfoVersion":2,"queryInfo":{{"distinctType":"None",{order}"groupByExpressions":[],"aggregates":[],"rewrittenQuery":"{text}","hasSelectValue":false}},"queryRanges":[{{"min":"","max":"FF","isMinInclusive":true,"isMaxInclusive":false}}]}}"#
    )
}

const ORDER: &str = r#""orderBy":["Ascending"],"orderByExpressions":["c.k"],"#;
const REWRITTEN: &str = r#"SELECT c._rid, [{\"item\": c.k}] AS orderByItems, c AS payload FROM c WHERE ({documentdb-formattableorderbyquery-filter}) ORDER BY c.k"#;
