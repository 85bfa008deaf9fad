//! `server`, `credentials` and `metrics`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::reader::{Field, Fields, Reading};
use super::yaml::Mark;
use super::{RenewalConfig, ServerConfig, TlsConfig};
use crate::config::{Listen, setting};

pub(super) const DEFAULT_PORT: u16 = 1338;
pub(super) const DEFAULT_METRICS_PORT: u16 = 9090;
pub(super) const PORTS: std::ops::RangeInclusive<i64> = 0..=65_535;
/// The bounds of CredProxy's schema, in seconds.
pub(super) const BUFFER_SECONDS: std::ops::RangeInclusive<i64> = 0..=3600;
pub(super) const PAUSE_SECONDS: std::ops::RangeInclusive<i64> = 1..=300;

const LOOPBACKS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// `server`; all has a default.
pub(super) fn server(reading: &mut Reading<'_>, field: Option<&Field<'_>>) -> ServerConfig {
    let fields = field.and_then(|field| reading.fields(field));
    let mut config = ServerConfig {
        listen: Listen {
            addresses: LOOPBACKS.to_vec(),
            port: DEFAULT_PORT,
            explicit: false,
        },
        tls: None,
        allowed_hosts: Vec::new(),
        debug: false,
        log_health_checks: false,
    };
    if let Some(mut fields) = fields {
        let mark = fields.mark;
        let host = fields.take("host");
        let port = fields.take("port");
        config.listen = listen(reading, host.as_ref(), port.as_ref(), DEFAULT_PORT);
        let tls = fields.take("tls");
        let has_tls = tls.is_some();
        config.tls = tls.and_then(|field| self::tls(reading, &field));
        config.allowed_hosts = allowed_hosts(reading, &mut fields);
        config.debug = flag(reading, &mut fields, "debug");
        config.log_health_checks = flag(reading, &mut fields, "log_health_checks");
        let may_leave = flag(reading, &mut fields, "allow_non_loopback");
        fields.finish(reading);
        if !has_tls && !may_leave {
            let mark = host.map_or(mark, |host| host.node.mark);
            refuse_non_loopback(reading, mark, &config.listen);
        }
    }
    let is_on = |word: &str| matches!(word, "true" | "1" | "yes" | "on");
    let word = reading
        .variable("CREDPROXY_LOG_HEALTH_CHECKS")
        .unwrap_or_default();
    config.log_health_checks |= is_on(&word.trim().to_ascii_lowercase());
    config
}

fn refuse_non_loopback(reading: &mut Reading<'_>, mark: Mark, listen: &Listen) {
    let open = listen
        .addresses
        .iter()
        .find(|address| !address.to_canonical().is_loopback());
    if let Some(address) = open {
        let problem = format!(
            "server.host: {address} can be reached from other machines, and credentials would pass in the clear"
        );
        let cure = "Listen on localhost; or give server.tls a certificate; or, where the network is the containers' own, \
                    write `allow_non_loopback: true` beside it.";
        reading.fault(mark, problem, cure);
    }
}

fn flag(reading: &mut Reading<'_>, fields: &mut Fields<'_>, key: &'static str) -> bool {
    let field = fields.take(key);
    field
        .and_then(|field| reading.boolean(&field))
        .unwrap_or_default()
}

fn listen(
    reading: &mut Reading<'_>,
    host: Option<&Field<'_>>,
    port: Option<&Field<'_>>,
    default_port: u16,
) -> Listen {
    let hosts = host.map(|host| reading.words(host)).unwrap_or_default();
    let mut addresses = Vec::new();
    for host in &hosts {
        let name = host.value.trim();
        match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => addresses.push(address),
            Err(_) if name.eq_ignore_ascii_case("localhost") => addresses.extend(LOOPBACKS),
            Err(_) => {
                let cure = "Write localhost or an address such as 127.0.0.1; several as a list.";
                reading.fault_of(host, "is no IP address", cure);
            }
        }
    }
    let explicit = !hosts
        .iter()
        .all(|host| host.value.eq_ignore_ascii_case("localhost"));
    if addresses.is_empty() {
        addresses = LOOPBACKS.to_vec();
    }
    let mut seen = std::collections::HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    let port = port.and_then(|port| reading.whole(port, PORTS));
    Listen {
        addresses,
        port: port.unwrap_or(default_port),
        explicit,
    }
}

fn tls(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<TlsConfig> {
    let mut fields = reading.fields(field)?;
    let mut path = |key: &'static str, cure: &str| {
        let field = fields.need(key, reading, cure);
        field.and_then(|field| reading.file_path(&field))
    };
    let certificate_file = path(
        "certificate_file",
        "Name a PEM file with the server's certificate and those that lead to a root.",
    );
    let key_file = path(
        "key_file",
        "Name a PEM file with the certificate's private key.",
    );
    fields.finish(reading);
    Some(TlsConfig {
        certificate_file: certificate_file?,
        key_file: key_file?,
    })
}

fn allowed_hosts(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Vec<String> {
    let Some(field) = fields.take("allowed_hosts") else {
        return Vec::new();
    };
    let names = reading.words(&field);
    for name in &names {
        if !setting::is_host_name(&name.value) {
            let cure = "Give names without scheme, port and path, for example credentials.";
            reading.fault_of(name, "is not a name", cure);
        }
    }
    names.into_iter().map(|name| name.value).collect()
}

/// `credentials`.
pub(super) fn renewal(reading: &mut Reading<'_>, field: Option<&Field<'_>>) -> RenewalConfig {
    let Some(mut fields) = field.and_then(|field| reading.fields(field)) else {
        return RenewalConfig::default();
    };
    let mut seconds = |key: &'static str, bounds: std::ops::RangeInclusive<i64>| {
        let field = fields.take(key)?;
        reading.whole(&field, bounds).map(Duration::from_secs)
    };
    let config = RenewalConfig {
        least_ahead: seconds("refresh_buffer_seconds", BUFFER_SECONDS),
        retry_pause: seconds("retry_delay", PAUSE_SECONDS),
        attempt_timeout: seconds("request_timeout", PAUSE_SECONDS),
    };
    fields.finish(reading);
    config
}

/// `metrics.prometheus`, where it stands there and is not switched off; `prometheus:` alone is enough.
pub(super) fn prometheus(
    reading: &mut Reading<'_>,
    field: Option<&Field<'_>>,
    server: &Listen,
) -> Option<Listen> {
    let mut metrics = reading.fields(field?)?;
    let field = metrics.take_even_empty("prometheus");
    metrics.finish(reading);
    let field = field?;
    if field.node.is_null() {
        return Some(listen(reading, None, None, DEFAULT_METRICS_PORT));
    }
    let mut fields = reading.fields(&field)?;
    let enabled = fields.take("enabled");
    let enabled = enabled
        .and_then(|field| reading.boolean(&field))
        .unwrap_or(true);
    let (host, port) = (fields.take("host"), fields.take("port"));
    let listen = listen(reading, host.as_ref(), port.as_ref(), DEFAULT_METRICS_PORT);
    fields.finish(reading);
    if enabled && listen.port != 0 && listen.port == server.port {
        let mark = port.map_or(field.node.mark, |port| port.node.mark);
        let problem = format!(
            "metrics.prometheus.port: {} is server.port already",
            listen.port
        );
        reading.fault(
            mark,
            problem,
            "Choose another: each has a listener of its own.",
        );
    }
    enabled.then_some(listen)
}
