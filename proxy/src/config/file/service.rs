//! `services`: names, tokens, and whose credentials they stand for.

use std::collections::HashMap;
use std::sync::Arc;

use sso_session::secret::Secret;

use super::reader::{Field, Fields, Reading};
use super::yaml::Mark;
use super::{ServiceConfig, SourceConfig, TokenConfig, role, source};
use crate::container_credentials::SHORTEST_TOKEN;

/// As long as a header's value should be.
const LONGEST_TOKEN: usize = 4096;

/// All services below `services`. Every key there is a service, also one that begins with `x-`.
pub(super) fn services(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    defaults: &SourceConfig,
) -> Vec<ServiceConfig> {
    let Some(fields) = reading.fields(field) else {
        return Vec::new();
    };
    let read = fields.all().filter_map(|(name, mark, field)| {
        let is_legal = check_name(reading, name, mark);
        service(reading, &field, name, mark, defaults).filter(|_| is_legal)
    });
    let services: Vec<_> = read.collect();
    refuse_twins(reading, &services);
    services.into_iter().map(|(service, _)| service).collect()
}

/// The one service of a file that holds nothing else.
pub(super) fn single(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    name: &str,
    defaults: &SourceConfig,
) -> Option<ServiceConfig> {
    let mark = field.node.mark;
    let is_legal = check_name(reading, name, mark);
    let service = service(reading, field, name, mark, defaults).filter(|_| is_legal);
    service.map(|(service, _)| service)
}

/// Whether it is a service's name; if not, that is noted.
fn check_name(reading: &mut Reading<'_>, name: &str, mark: Mark) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name = (1..=128).contains(&name.len()) && name.bytes().all(is_legal);
    if !is_name {
        let shown = super::reader::shown_key(name);
        let problem = format!("{shown} is not a service's name");
        let cure = "Use at most 128 letters, digits, `-` and `_`.";
        reading.fault(mark, problem, cure);
    }
    is_name
}

/// A service, and where its token stands.
fn service(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    name: &str,
    mark: Mark,
    defaults: &SourceConfig,
) -> Option<(ServiceConfig, Mark)> {
    let mut fields = reading.fields(field)?;
    let token_mark = fields.take("auth_token").map(|field| field.node.mark);
    let token = token(reading, &mut fields);
    let source_field = fields.take("source_credentials");
    let source = source::source(reading, source_field.as_ref(), defaults);
    let role = fields
        .take("assumed_role")
        .and_then(|field| role::role(reading, &field, name));
    let allowed_roles = fields
        .take("allowed_roles")
        .map(|field| role::allowed_roles(reading, &field, name, role.as_ref()));
    fields.finish(reading);
    let service = ServiceConfig {
        name: name.to_owned(),
        token: token?,
        source,
        role: role.map(Arc::new),
        allowed_roles: allowed_roles.unwrap_or_default(),
        place: reading.place(mark),
    };
    Some((service, token_mark.unwrap_or(mark)))
}

fn token(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<TokenConfig> {
    let cure = "Give what its clients will send, for example ${fromFile:/run/secrets/app_token}; `openssl rand -hex 32` makes one.";
    let field = fields.need("auth_token", reading, cure)?;
    let text = reading.text(&field)?;
    let token = without_scheme(&text.value);
    let is_sendable = token
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let (problem, cure) = if token.is_empty() {
        let whose = text.file.as_ref().map(|file| file.display());
        let whose = whose.map_or_else(String::new, |file| format!(", and so is the file {file}"));
        (
            format!("is empty{whose}"),
            format!(
                "At least {SHORTEST_TOKEN} characters; `openssl rand -hex 32` makes a good one."
            ),
        )
    } else if token.len() < SHORTEST_TOKEN {
        (
            format!("has {} characters: that can be guessed", token.len()),
            format!("At least {SHORTEST_TOKEN}; `openssl rand -hex 32` makes a good one."),
        )
    } else if token.len() > LONGEST_TOKEN {
        let problem = format!("has {} characters", token.len());
        (
            problem,
            format!("At most {LONGEST_TOKEN}, as it goes into a header."),
        )
    } else if !is_sendable || token.trim() != token {
        (
            "cannot be sent in a header: it has blanks around it, or line ends, or other characters than those of ASCII".to_owned(),
            "Write it on one line, in printable ASCII.".to_owned(),
        )
    } else {
        return Some(TokenConfig {
            secret: Secret::new(token),
            file: text.file,
        });
    };
    reading.fault_of(&text, &problem, cure);
    None
}

/// Clients send a token with and without this word; the token is the same.
fn without_scheme(token: &str) -> &str {
    const SCHEME: &str = "bearer ";
    match token.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token,
        Some(_) | None => token,
    }
}

/// A token that stands for two services would stand for either.
fn refuse_twins(reading: &mut Reading<'_>, services: &[(ServiceConfig, Mark)]) {
    let mut owners: HashMap<&str, (&str, Mark)> = HashMap::new();
    for (service, mark) in services {
        let token = service.token.secret.expose();
        let Some((name, line)) = owners.get(token).map(|(name, mark)| (*name, mark.line)) else {
            owners.insert(token, (&service.name, *mark));
            continue;
        };
        let problem = format!(
            "services.{}.auth_token: the service `{name}` (line {line}) has the same token",
            service.name
        );
        let cure = "Give each service a token of its own: it is what tells them apart.";
        reading.fault(*mark, problem, cure);
    }
}
