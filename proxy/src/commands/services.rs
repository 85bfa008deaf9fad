//! The services of the configuration file, for commands that are about one of them. No proxy has to run.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{Config, ServerConfig, ServiceConfig};
use crate::container_credentials::{Merged, SharedVars, services_of};

/// A name is meant by one that is so like it, from 0 to 1.
const ALIKE: f64 = 0.7;
/// A running proxy may have read what this command cannot.
const UNUSABLE: &str = "the service cannot be looked up";

/// Why a command cannot be done: what to tell, and the exit code.
#[derive(Debug)]
pub(super) struct Problem {
    text: String,
    code: u8,
}

impl Problem {
    /// What somebody has written is wrong.
    pub(super) fn of_usage(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: super::EXIT_USAGE,
        }
    }

    /// Something does not work.
    pub(super) fn of_work(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 1,
        }
    }

    /// Tells it.
    pub(super) fn tell(&self) -> ExitCode {
        eprintln!("{}", self.text);
        ExitCode::from(self.code)
    }
}

/// One service, and what its clients have to know beside it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) config: Config,
    pub(super) server: ServerConfig,
    pub(super) service: ServiceConfig,
}

/// The service of that name, of the main file or of a folder of dynamic services.
pub(super) fn find(name: &str, vars: &SharedVars) -> Result<Found, Problem> {
    let unnamed = || {
        Problem::of_usage(
            "no configuration file is named: give --config FILE, or set BAZEL_PROXY_CONFIG_FILE",
        )
    };
    let config = super::config_with_services(&|name| vars(name)).ok_or_else(unnamed)?;
    let config = config.map_err(|faults| Problem::of_usage(faults.told(UNUSABLE)))?;
    let (path, file) = super::configuration_file(&config).ok_or_else(unnamed)?;
    let server = file.server.clone();
    let (merged, troubles) = services_of(&path, file, Arc::clone(vars));
    let found = merged.services.iter().find(|service| service.name == name);
    match found.cloned() {
        Some(service) => Ok(Found {
            config,
            server,
            service,
        }),
        None => Err(Problem::of_usage(unknown(name, &merged, &troubles))),
    }
}

fn unknown(name: &str, merged: &Merged, troubles: &[String]) -> String {
    let names: Vec<_> = merged
        .services
        .iter()
        .map(|service| &service.name)
        .collect();
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = names.iter().map(|other| (likeness(other), other));
    let nearest = nearest.max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        None => ": none is in force".to_owned(),
        Some((likeness, nearest)) if likeness >= ALIKE => format!(": did you mean `{nearest}`?"),
        Some(_) => String::new(),
    };
    let mut lines = vec![format!("there is no service `{name}`{hint}")];
    if !names.is_empty() {
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        lines.push(format!("There are: {}", names.join(", ")));
    }
    let conflicts = merged.conflicts.iter();
    let conflicts = conflicts.filter(|conflict| conflict.service == name);
    lines.extend(conflicts.map(ToString::to_string));
    lines.extend(troubles.iter().cloned());
    lines.join("\n")
}

/// Where the listener is asked on this machine, without a path. A certificate is most likely for the first of
/// `allowed_hosts`.
pub(super) fn base_url(server: &ServerConfig) -> Result<String, Problem> {
    let address = address(server)?;
    let port = address.port();
    match (&server.tls, server.allowed_hosts.first()) {
        (None, _) => Ok(format!("http://{address}")),
        (Some(_), None) => Ok(format!("https://{address}")),
        (Some(_), Some(name)) => Ok(format!("https://{name}:{port}")),
    }
}

/// Where the listener is on this machine: one that listens on all addresses, on loopback.
pub(super) fn address(server: &ServerConfig) -> Result<SocketAddr, Problem> {
    if server.listen.port == 0 {
        let text =
            "`server.port` is 0: the system chooses the port. Set one to be told its address";
        return Err(Problem::of_usage(text));
    }
    Ok(server.listen.on_this_machine())
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{Listen, TlsConfig};

    pub(in crate::commands) fn server(
        addresses: &[&str],
        tls: bool,
        hosts: &[&str],
    ) -> ServerConfig {
        let addresses = addresses.iter().map(|ip| ip.parse().expect("an address"));
        ServerConfig {
            listen: Listen {
                addresses: addresses.collect(),
                port: 1338,
                explicit: true,
            },
            tls: tls.then(|| TlsConfig {
                certificate_file: PathBuf::from("/c"),
                key_file: PathBuf::from("/k"),
            }),
            allowed_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            debug: false,
            log_health_checks: false,
        }
    }

    #[test]
    fn the_listener_is_asked_where_sdks_may_ask_it() {
        for (addresses, tls, hosts, expected) in [
            (
                &["127.0.0.1", "::1"][..],
                false,
                &[][..],
                "http://127.0.0.1:1338",
            ),
            (&["0.0.0.0"], false, &["proxy"], "http://127.0.0.1:1338"),
            (&["::"], false, &[], "http://[::1]:1338"),
            (&["169.254.170.2"], false, &[], "http://169.254.170.2:1338"),
            (
                &["0.0.0.0"],
                true,
                &["proxy.example"],
                "https://proxy.example:1338",
            ),
            (&["0.0.0.0"], true, &[], "https://127.0.0.1:1338"),
        ] {
            let url = base_url(&server(addresses, tls, hosts)).expect("a URL");
            assert_eq!(url, expected);
        }
        let mut any = server(&["127.0.0.1"], false, &[]);
        any.listen.port = 0;
        let problem = base_url(&any).expect_err("nobody knows");
        assert!(problem.text.contains("`server.port`"));
    }
}
