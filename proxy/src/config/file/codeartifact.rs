//! `codeartifact`: which repositories are served under which names, and what of them may be had elsewhere.

use std::time::Duration;

use program::reader::{Reader, duration_of};

use super::reader::{Field, Fields, Reading, Text};
use super::yaml::{Mark, Value};
use crate::config::codeartifact::rules::{self, Rule};
use crate::config::codeartifact::{DEFAULT_TOKEN_DURATION, MOST_UPSTREAMS};
use crate::config::{CodeArtifactUpstream, Format, PROGRAM, PublicFallback};

/// All repositories below `codeartifact`. Every key there is a name, also one that begins with `x-`.
pub(super) fn upstreams(reading: &mut Reading<'_>, field: &Field<'_>) -> Vec<CodeArtifactUpstream> {
    let Some(fields) = reading.fields(field) else {
        return Vec::new();
    };
    let mut read: Vec<(CodeArtifactUpstream, Mark)> = Vec::new();
    for (alias, mark, field) in fields.all() {
        let is_name = check_alias(reading, alias, mark);
        if let Some(upstream) = upstream(reading, &field, alias)
            && is_name
        {
            read.push((upstream, mark));
        }
    }
    if read.len() > MOST_UPSTREAMS {
        let problem = format!("{}: {} repositories are too many", field.path, read.len());
        let cure = format!("Write at most {MOST_UPSTREAMS} of them.");
        reading.fault(field.node.mark, problem, cure);
    }
    refuse_twins(reading, &read);
    refuse_clashes(reading, &read);
    read.into_iter().map(|(upstream, _)| upstream).collect()
}

fn check_alias(reading: &mut Reading<'_>, alias: &str, mark: Mark) -> bool {
    let is_name = (rules::ALIAS.is_met)(alias);
    if !is_name {
        let shown = super::reader::shown_key(alias);
        let problem = format!("{shown} is not {}", rules::ALIAS.what);
        reading.fault(mark, problem, sentence(rules::ALIAS.cure));
    }
    is_name
}

fn upstream(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    alias: &str,
) -> Option<CodeArtifactUpstream> {
    let mut fields = reading.fields(field)?;
    let domain = needed(reading, &mut fields, "domain", &rules::DOMAIN);
    let owner = fields.need("domain_owner", reading, &sentence(rules::OWNER.cure));
    let domain_owner = owner.and_then(|field| owner_of(reading, &field));
    let region = region(reading, &mut fields);
    let repository = needed(reading, &mut fields, "repository", &rules::REPOSITORY);
    let formats_field = fields.take("formats");
    let formats = match &formats_field {
        Some(field) => formats(reading, field),
        None => Format::ALL.to_vec(),
    };
    let publish = fields.take("publish");
    let publish = publish.and_then(|field| reading.boolean(&field));
    let fallback_field = fields.take("public_fallback");
    let public_fallback = fallback_field
        .as_ref()
        .and_then(|field| public_fallback(reading, field));
    let duration = fields.take("token_duration");
    let token_duration = duration.and_then(|field| token_duration(reading, &field));
    fields.finish(reading);
    if let Some(field) = fallback_field
        && !formats.is_empty()
        && !formats.contains(&Format::Pypi)
    {
        let problem = format!("{}: pypi is not among the formats", field.path);
        let cure =
            "Only Python's packages can be had from a public index: add pypi, or remove the key.";
        reading.fault(field.node.mark, problem, cure);
    }
    Some(CodeArtifactUpstream {
        alias: alias.to_owned(),
        domain: domain?,
        domain_owner: domain_owner?,
        region: region?,
        repository: repository?,
        formats,
        publish: publish.unwrap_or_default(),
        public_fallback,
        token_duration: token_duration.unwrap_or(DEFAULT_TOKEN_DURATION),
    })
}

fn needed(
    reading: &mut Reading<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
    rule: &Rule,
) -> Option<String> {
    let field = fields.need(key, reading, &sentence(rule.cure))?;
    let text = reading.text(&field)?;
    checked(reading, &text, rule)
}

fn checked(reading: &mut Reading<'_>, text: &Text, rule: &Rule) -> Option<String> {
    if (rule.is_met)(&text.value) {
        return Some(text.value.clone());
    }
    let problem = format!("is not {}", rule.what);
    reading.fault_of(text, &problem, sentence(rule.cure));
    None
}

/// An id without quotes is a number to whatever else reads YAML, and loses the zeros at its beginning there:
/// then it is another account's.
fn owner_of(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<String> {
    let is_number = match &field.node.value {
        Value::Scalar { text, is_plain } => {
            *is_plain && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
        }
        Value::Sequence(_) | Value::Mapping(_) => false,
    };
    let text = reading.text(field)?;
    if is_number && (text.value.starts_with('0') || text.value.len() < 12) {
        let cure = format!(
            "Write it in quotes, with all of its 12 digits: \"{:0>12}\".",
            text.value
        );
        reading.fault_of(&text, "is a number, and an account's id is a text", cure);
        return None;
    }
    checked(reading, &text, &rules::OWNER)
}

/// The proxy's own where nothing is said.
fn region(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<String> {
    if let Some(field) = fields.take("region") {
        let text = reading.text(&field)?;
        return checked(reading, &text, &rules::REGION);
    }
    let own = reading.variable("AWS_REGION").unwrap_or_default();
    let own = own.trim();
    Some(if own.is_empty() { "us-west-2" } else { own }.to_owned())
}

fn formats(reading: &mut Reading<'_>, field: &Field<'_>) -> Vec<Format> {
    let words = reading.words(field);
    if words.is_empty() && field.node.is_list_or_text() {
        let problem = format!("{}: no format is named", field.path);
        let cure = "Name pypi, npm or maven, or leave the key out for all of them.";
        reading.fault(field.node.mark, problem, cure);
    }
    let mut formats = Vec::new();
    for word in &words {
        let name = checked(reading, word, &rules::FORMAT);
        let format = name.as_deref().and_then(Format::of_name);
        formats.extend(format.filter(|format| !formats.contains(format)));
    }
    formats
}

fn token_duration(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<Duration> {
    let text = reading.text(field)?;
    let duration = duration_of(text.value.trim());
    let duration = duration.filter(|duration| rules::is_token_duration(*duration));
    if duration.is_none() {
        let problem = "is no time that a token of CodeArtifact can live";
        reading.fault_of(&text, problem, sentence(rules::TOKEN_DURATION_CURE));
    }
    duration
}

fn public_fallback(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<PublicFallback> {
    let mut fields = reading.fields(field)?;
    let cure =
        "Name the public index, for example https://pypi.example/simple/: there is no default.";
    let url = fields.need("index_url", reading, cure);
    let hosts = fields.take("file_hosts");
    let cure = "List the projects that may come from the public index: no others do.";
    let names = fields.need("names", reading, cure);
    let prefixes = fields.take("private_prefixes");
    let index_url = url.and_then(|field| index_url(reading, &field));
    let file_hosts = hosts.map(|field| file_hosts(reading, &field));
    let private_prefixes = prefixes
        .map(|field| reading.words(&field))
        .unwrap_or_default();
    let private_prefixes = projects(reading, private_prefixes, &rules::PREFIX);
    let names_field = names?;
    let words = reading.words(&names_field);
    if words.is_empty() && names_field.node.is_list_or_text() {
        let problem = format!("{}: no project is named", names_field.path);
        let cure = "Name those that may come from the public index, or remove public_fallback.";
        reading.fault(names_field.node.mark, problem, cure);
    }
    let names = projects(reading, words, &rules::PROJECT);
    for (text, name) in &names {
        let mut prefixes = private_prefixes.iter();
        if let Some((prefix, _)) = prefixes.find(|(_, prefix)| name.starts_with(prefix)) {
            let problem = format!("begins with the private prefix {}", prefix.shown());
            let cure = "Remove it here, or that prefix: what is private never leaves.";
            reading.fault_of(text, &problem, cure);
        }
    }
    fields.finish(reading);
    let normalised = |texts: Vec<(Text, String)>| {
        let mut names: Vec<_> = texts.into_iter().map(|(_, name)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    Some(PublicFallback {
        index_url: index_url?,
        file_hosts: file_hosts.unwrap_or_default(),
        names: normalised(names),
        private_prefixes: normalised(private_prefixes),
    })
}

/// Its value is never shown, as it may hold a password.
fn index_url(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<url::Url> {
    let text = reading.text(field)?;
    match rules::index_url(text.value.trim()) {
        Ok(url) => Some(url),
        Err((problem, cure)) => {
            let problem = format!("{}: its value {problem}", text.path);
            reading.fault(text.mark, problem, sentence(cure));
            None
        }
    }
}

fn file_hosts(reading: &mut Reading<'_>, field: &Field<'_>) -> Vec<String> {
    let names = reading.words(field).into_iter();
    let checked = names.filter_map(|name| checked(reading, &name, &rules::FILE_HOST));
    checked.map(|name| name.to_ascii_lowercase()).collect()
}

/// As they are written, and normalised.
fn projects(reading: &mut Reading<'_>, texts: Vec<Text>, rule: &Rule) -> Vec<(Text, String)> {
    let checked = texts.into_iter().filter_map(|text| {
        let name = checked(reading, &text, rule)?;
        Some((text, rules::normalised(&name)))
    });
    checked.collect()
}

/// What is kept of a repository, and what its older URLs mean, is one thing, whatever its name.
fn refuse_twins(reading: &mut Reading<'_>, upstreams: &[(CodeArtifactUpstream, Mark)]) {
    for (index, (upstream, mark)) in upstreams.iter().enumerate() {
        let mut before = upstreams[..index].iter();
        let twin = before.find(|(other, _)| upstream.is_twin_of(other));
        if let Some((twin, other)) = twin
            && !upstream.says_the_same(twin)
        {
            let problem = format!(
                "codeartifact.{}: `{}` (line {}) is the same repository, and is served otherwise",
                upstream.alias, twin.alias, other.line
            );
            reading.fault(*mark, problem, TWINS);
        }
    }
}

const TWINS: &str =
    "Give both the same formats, publish, public_fallback and token_duration; or remove one.";

/// What variables name is served, too.
fn refuse_clashes(reading: &mut Reading<'_>, upstreams: &[(CodeArtifactUpstream, Mark)]) {
    let of_variables = {
        let vars = |name: &str| reading.variable(name);
        // What is wrong with the variables is told by whoever reads them for their own sake.
        CodeArtifactUpstream::of_variables(&mut Reader::new(PROGRAM, &vars))
    };
    let Some(other) = of_variables else {
        return;
    };
    for (upstream, mark) in upstreams {
        let alias = &upstream.alias;
        if *alias == other.alias {
            let problem = format!("codeartifact.{alias}: variables name a repository so, too");
            let cure = "Choose another name here, or in CODEARTIFACT_ALIAS; or unset \
                        CODEARTIFACT_DOMAIN and its like.";
            reading.fault(*mark, problem, cure);
        } else if upstream.is_twin_of(&other) && !upstream.says_the_same(&other) {
            let problem = format!(
                "codeartifact.{alias}: the variables CODEARTIFACT_… name the same repository, and it is served otherwise"
            );
            reading.fault(*mark, problem, TWINS);
        }
    }
}

/// A variable's cure as one of a file.
fn sentence(cure: &str) -> String {
    let mut chars = cure.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}
