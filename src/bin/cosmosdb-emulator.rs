//! An Azure Cosmos DB account in memory, on a port.

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use cosmosdb::{ConsistencyLevel, Emulator, EmulatorServer};
use signal_hook::consts::{SIGINT, SIGTERM};

/// An Azure Cosmos DB account in memory, on a port.
///
/// Prints one line to standard output when it is ready: `listening on http://127.0.0.1:8081/`. SIGTERM and SIGINT
/// end it.
#[derive(Debug, Parser)]
#[command(name = "cosmosdb-emulator", version)]
struct Arguments {
    /// Address to listen on; on a loopback address both IPv4 and IPv6 are answered
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port of the first region; each further region gets the next one. 0 picks free ones
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Speak HTTPS, with a self-signed certificate for localhost, 127.0.0.1 and ::1
    #[arg(long)]
    tls: bool,
    /// Write the certificate, which clients have to trust, to this file (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    certificate: Option<PathBuf>,
    /// Account key, in base64 [default: the well-known key of the Azure Cosmos DB emulator]
    #[arg(long, value_parser = key)]
    key: Option<String>,
    /// Physical partitions of new containers [default: what their throughput asks for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    partitions: Option<u32>,
    /// Regions of the account, the write region first
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = region, default_value = "East US")]
    regions: Vec<String>,
    /// Take writes in every region
    #[arg(long)]
    multi_write: bool,
    /// Default consistency level of the account
    #[arg(long, value_enum, ignore_case = true, default_value_t = Consistency::Session)]
    consistency: Consistency,
    /// Answer 429 when the throughput of a container is used up
    #[arg(long)]
    rate_limit: bool,
    /// Do not log requests to standard error
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Consistency {
    Strong,
    #[value(alias = "BoundedStaleness")]
    BoundedStaleness,
    Session,
    #[value(alias = "ConsistentPrefix")]
    ConsistentPrefix,
    Eventual,
}

impl From<Consistency> for ConsistencyLevel {
    fn from(level: Consistency) -> Self {
        match level {
            Consistency::Strong => Self::Strong,
            Consistency::BoundedStaleness => Self::BoundedStaleness,
            Consistency::Session => Self::Session,
            Consistency::ConsistentPrefix => Self::ConsistentPrefix,
            Consistency::Eventual => Self::Eventual,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let addr = address(&arguments).unwrap_or_else(|problem| refuse(&problem));
    match run(&arguments, addr) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Where standard error is closed, the exit code has to do.
            let _ = writeln!(io::stderr(), "cosmosdb-emulator: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, addr: SocketAddr) -> Result<(), String> {
    if !arguments.quiet && log::set_logger(&StandardError).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    let signals = Signals::catch().map_err(|it| format!("cannot catch signals: {it}"))?;
    let server = serve(arguments, addr)?;
    for (region, url) in arguments.regions.iter().zip(server.region_urls()).skip(1) {
        log::info!(target: LOG_TARGET, "{region} is on {url}");
    }
    let mut output = io::stdout();
    // Whoever has closed standard output does not wait for the line.
    let _ = writeln!(output, "listening on {}", server.url()).and_then(|()| output.flush());
    signals.wait().map_err(|it| format!("cannot wait for signals: {it}"))
}

/// Ends the process with the usage and exit code 2.
fn refuse(problem: &str) -> ! {
    Arguments::command().error(ErrorKind::ValueValidation, problem).exit()
}

/// Where the first region listens; checks that there are ports for the others.
fn address(arguments: &Arguments) -> Result<SocketAddr, String> {
    let names: HashSet<_> = arguments.regions.iter().map(|it| it.to_lowercase()).collect();
    if names.len() < arguments.regions.len() {
        return Err(String::from("--regions names a region twice"));
    }
    let room = usize::from(u16::MAX - arguments.port);
    if arguments.port != 0 && arguments.regions.len() > room + 1 {
        return Err(format!("there are not enough ports behind --port {}", arguments.port));
    }
    let host = match arguments.host.as_str() {
        "localhost" => "127.0.0.1",
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let mut addresses = (host, arguments.port)
        .to_socket_addrs()
        .map_err(|it| format!("--host {host} cannot be resolved: {it}"))?;
    addresses.next().ok_or_else(|| format!("--host {host} has no address"))
}

fn serve(arguments: &Arguments, addr: SocketAddr) -> Result<EmulatorServer, String> {
    let emulator = emulator(arguments)?;
    let served = if arguments.tls { emulator.serve_tls(addr) } else { emulator.serve(addr) };
    let server = served.map_err(|it| format!("cannot listen on {addr}: {it}"))?;
    if let (Some(path), Some(pem)) = (&arguments.certificate, server.certificate_pem()) {
        std::fs::write(path, pem).map_err(|it| format!("cannot write {}: {it}", path.display()))?;
    }
    Ok(server)
}

fn emulator(arguments: &Arguments) -> Result<Emulator, String> {
    let mut builder = Emulator::builder()
        .regions(&arguments.regions)
        .multi_write(arguments.multi_write)
        .consistency(arguments.consistency.into())
        .rate_limit(arguments.rate_limit);
    if let Some(key) = &arguments.key {
        builder = builder.key(key);
    }
    if let Some(partitions) = arguments.partitions {
        builder = builder.partitions(usize::try_from(partitions).unwrap_or(usize::MAX));
    }
    builder.build().map_err(|it| it.to_string())
}

fn key(text: &str) -> Result<String, String> {
    match STANDARD.decode(text) {
        Ok(key) if !key.is_empty() => Ok(text.to_owned()),
        _ => Err(String::from("a key is base64")),
    }
}

fn region(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(String::from("a region has no name")),
        name => Ok(name.to_owned()),
    }
}

/// Writes the server's log to standard error.
struct StandardError;

const LOG_TARGET: &str = "cosmosdb::emulator";

impl log::Log for StandardError {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == LOG_TARGET
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // A log that nobody reads must not end the process.
            let _ = writeln!(io::stderr(), "{}", record.args());
        }
    }

    fn flush(&self) {}
}

/// SIGTERM and SIGINT, caught.
#[cfg(unix)]
struct Signals(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Self> {
        let (receiver, sender) = std::os::unix::net::UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGTERM, sender.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGINT, sender)?;
        Ok(Self(receiver))
    }

    /// Returns when one of them has come.
    fn wait(mut self) -> io::Result<()> {
        io::Read::read_exact(&mut self.0, &mut [0])
    }
}

/// Ctrl-C and its like, caught.
#[cfg(not(unix))]
struct Signals(std::sync::Arc<std::sync::atomic::AtomicBool>);

#[cfg(not(unix))]
impl Signals {
    fn catch() -> io::Result<Self> {
        let caught = std::sync::Arc::default();
        signal_hook::flag::register(SIGTERM, std::sync::Arc::clone(&caught))?;
        signal_hook::flag::register(SIGINT, std::sync::Arc::clone(&caught))?;
        Ok(Self(caught))
    }

    /// Returns when one of them has come. Without pipes for signals there is only looking now and then.
    fn wait(self) -> io::Result<()> {
        while !self.0.load(std::sync::atomic::Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Ok(())
    }
}
