//! `bazel-proxy --validate-only`: what would be in force, in a few lines and without secrets.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{
    CodeArtifactUpstream, Config, FileConfig, Listen, PublicFallback, RoleConfig, ServiceConfig,
    SourceConfig, SourceKind,
};
use crate::container_credentials::{SharedVars, services_of};
use crate::server::Tls;

pub(super) fn run(config: &Config, vars: &SharedVars) -> ExitCode {
    let services = config.file_path.as_deref().zip(config.file.as_ref());
    let services = services.map(|(path, file)| Services::of(path, file, vars));
    let services = services.unwrap_or_default();
    if services.faults.is_empty() {
        println!("{}", summary(config, &services));
        return ExitCode::SUCCESS;
    }
    let count = services.faults.len();
    let plural = if count == 1 { "" } else { "s" };
    let faults = services.faults.join("\n  ");
    eprintln!(
        "The configuration is not valid: {count} fault{plural} beside the main file\n  {faults}"
    );
    ExitCode::from(super::EXIT_USAGE)
}

/// What the files beside the main one say.
#[derive(Default)]
struct Services {
    in_force: Vec<ServiceConfig>,
    /// Folders that do not exist; they may come.
    absent: Vec<PathBuf>,
    /// What is wrong with certificates, dynamic files and their services.
    faults: Vec<String>,
}

impl Services {
    fn of(path: &Path, file: &FileConfig, vars: &SharedVars) -> Self {
        let mut faults = Vec::new();
        if let Some(Err(error)) = file.server.tls.as_ref().map(Tls::load) {
            faults.push(format!("server.tls: {error}"));
        }
        let mut file = file.clone();
        let mut absent = Vec::new();
        if let Some(dynamic) = &mut file.dynamic_services {
            dynamic.directories.retain(|directory| {
                let is_there = !matches!(directory.path.try_exists(), Ok(false));
                if !is_there {
                    absent.push(directory.path.clone());
                }
                is_there
            });
        }
        let (merged, troubles) = services_of(path, file, Arc::clone(vars));
        faults.extend(troubles);
        faults.extend(merged.conflicts.iter().map(ToString::to_string));
        Self {
            in_force: merged.services,
            absent,
            faults,
        }
    }
}

/// One line for each thing that would listen or be given.
fn summary(config: &Config, services: &Services) -> String {
    let mut text = "The configuration is valid. In force would be:".to_owned();
    let mut line = |what: &str, says: String| {
        let _infallible = write!(text, "\n  {what:<12} {says}");
    };
    line("log", format!("at {}", config.log.filter));
    for note in &config.notes {
        line("note", note.clone());
    }
    if config.has_bucket() {
        let (repository, region) = (config.repository(), &config.region);
        let at = addresses(&config.listen);
        line("artifacts", format!("{repository} in {region}, on {at}"));
    } else {
        line("artifacts", "none, as S3_BUCKET_NAME is not set".to_owned());
    }
    for upstream in &config.codeartifact {
        line("codeartifact", of_upstream(upstream, &config.listen));
    }
    let Some(file) = &config.file else {
        line(
            "credentials",
            "for no container, as there is no configuration file".to_owned(),
        );
        return text;
    };
    if !file.serves_containers() {
        line(
            "credentials",
            "for no container, as the configuration file names no service".to_owned(),
        );
        if let Some(listen) = &file.prometheus {
            line("metrics", format!("on {}", addresses(listen)));
        }
        return text;
    }
    let tls = if file.server.tls.is_some() {
        " with TLS"
    } else {
        ""
    };
    line(
        "credentials",
        format!("on {}{tls}", addresses(&file.server.listen)),
    );
    if let Some(listen) = &file.prometheus {
        line("metrics", format!("on {}", addresses(listen)));
    }
    for service in &services.in_force {
        line("service", of_service(service, config));
    }
    for folder in folders(file, &services.absent) {
        line("folder", folder);
    }
    text
}

fn addresses(listen: &Listen) -> String {
    let port = listen.port;
    let address = |ip: &std::net::IpAddr| std::net::SocketAddr::new(*ip, port).to_string();
    listen
        .addresses
        .iter()
        .map(address)
        .collect::<Vec<_>>()
        .join(" and ")
}

fn of_upstream(upstream: &CodeArtifactUpstream, listen: &Listen) -> String {
    let CodeArtifactUpstream {
        alias,
        domain,
        domain_owner,
        region,
        repository,
        formats,
        publish,
        public_fallback,
        token_duration: _,
    } = upstream;
    let formats: Vec<_> = formats.iter().map(|format| format.name()).collect();
    let formats = formats.join(", ");
    let at = addresses(listen);
    let publish = if *publish {
        "; clients may publish"
    } else {
        ""
    };
    let public = public_fallback.as_ref().map_or_else(String::new, |public| {
        let PublicFallback {
            index_url, names, ..
        } = public;
        let plural = if names.len() == 1 { "" } else { "s" };
        format!(
            "; {} project{plural} may come from {index_url}",
            names.len()
        )
    });
    format!(
        "{alias}: {repository} of {domain} ({domain_owner}, {region}) as {formats} on {at}{publish}{public}"
    )
}

fn of_service(service: &ServiceConfig, config: &Config) -> String {
    let ServiceConfig {
        name,
        source,
        role,
        allowed_roles,
        place,
        ..
    } = service;
    let source = of_source(source, config);
    let given = match role.as_deref() {
        Some(role) => format!("{} from {source}", of_role(role)),
        None => format!("the credentials of {source}"),
    };
    let more = match allowed_roles.len() {
        0 => String::new(),
        1 => ", 1 more role when asked".to_owned(),
        many => format!(", {many} more roles when asked"),
    };
    format!("{name}: {given}{more} ({place})")
}

fn of_role(role: &RoleConfig) -> String {
    format!("{} for {} s", role.role_arn, role.duration.as_secs())
}

fn of_source(source: &SourceConfig, config: &Config) -> String {
    let kind = match &source.kind {
        SourceKind::Own => config.profile.to_string(),
        SourceKind::Profile {
            name,
            config_file: None,
        } => format!("profile `{name}`"),
        SourceKind::Profile {
            name,
            config_file: Some(file),
        } => format!("profile `{name}` of {}", file.display()),
        SourceKind::Keys(keys) => format!("the key {}", keys.access_key_id),
    };
    match &source.region {
        Some(region) => format!("{kind} in {region}"),
        None => kind,
    }
}

fn folders(file: &FileConfig, absent: &[PathBuf]) -> impl Iterator<Item = String> {
    file.dynamic_services.iter().flat_map(move |dynamic| {
        let seconds = dynamic.reload_interval.as_secs();
        dynamic.directories.iter().map(move |directory| {
            let path = directory.path.display();
            let note = if absent.contains(&directory.path) {
                "; there is no such folder yet"
            } else {
                ""
            };
            format!("{path}, looked at every {seconds} s for services of its files{note}")
        })
    })
}
