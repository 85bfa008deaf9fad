//! `assumed_role` and `allowed_roles`: the parameters of `AssumeRole`, within AWS's own bounds.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::RoleConfig;
use super::interpolation::Foreign;
use super::reader::{Field, Fields, Reading, Text, joined};
use super::scalar;
use super::yaml::Value;

/// What STS takes, unless the role itself allows less.
pub(super) const SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;
pub(super) const MOST_TAGS: usize = 50;
pub(super) const MOST_POLICIES: usize = 10;
pub(super) const MOST_CONTEXTS: usize = 5;
const LONGEST_SESSION_NAME: usize = 64;
const LONGEST_POLICY: usize = 2048;

/// A role, and the field that it was read from.
pub(super) fn role(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    service: &str,
) -> Option<RoleConfig> {
    let mut fields = reading.fields(field)?;
    let example = "Name the role, for example RoleArn: arn:aws:iam::123456789012:role/MyRole";
    let arn = fields.need("RoleArn", reading, example);
    let tags = tags(reading, &mut fields);
    let usual = with_defaults(service, String::new());
    let mut config = RoleConfig {
        duration: duration(reading, &mut fields).unwrap_or(usual.duration),
        external_id: external_id(reading, &mut fields),
        policy_arns: policy_arns(reading, &mut fields),
        policy: policy(reading, &mut fields),
        transitive_tag_keys: transitive_tag_keys(reading, &mut fields, &tags),
        tags,
        source_identity: name(reading, &mut fields, "SourceIdentity"),
        provided_contexts: provided_contexts(reading, &mut fields),
        ..usual
    };
    if let Some(name) = name(reading, &mut fields, "RoleSessionName") {
        config.session_name = name;
    }
    (config.serial_number, config.token_code) = device(reading, &mut fields);
    fields.finish(reading);
    config.role_arn = role_arn(reading, &arn?)?;
    Some(config)
}

/// `allowed_roles`: mappings as `assumed_role`'s, or ARNs that take all else from `assumed_role`.
pub(super) fn allowed_roles(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    service: &str,
    assumed: Option<&RoleConfig>,
) -> Vec<Arc<RoleConfig>> {
    let mut arns: HashSet<String> = assumed
        .map(|role| role.role_arn.clone())
        .into_iter()
        .collect();
    let mut roles = Vec::new();
    for item in reading.items(field) {
        let role = match &item.node.value {
            Value::Scalar { .. } => role_arn(reading, &item).map(|arn| match assumed {
                Some(assumed) => RoleConfig {
                    role_arn: arn,
                    ..assumed.clone()
                },
                None => with_defaults(service, arn),
            }),
            Value::Mapping(_) | Value::Sequence(_) => role(reading, &item, service),
        };
        let Some(role) = role else { continue };
        if !arns.insert(role.role_arn.clone()) {
            let problem = format!("{}: this service has that role already", item.path);
            let cure = "Remove one of the two: a role is asked for by its ARN alone.";
            reading.fault(item.node.mark, problem, cure);
        }
        roles.push(Arc::new(role));
    }
    roles
}

fn with_defaults(service: &str, role_arn: String) -> RoleConfig {
    let session_name = format!("bazel-proxy-{service}");
    // By characters: a name that is at fault may hold any.
    let session_name: String = session_name.chars().take(LONGEST_SESSION_NAME).collect();
    RoleConfig::new(role_arn, session_name)
}

fn role_arn(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<String> {
    let text = reading.text(field)?;
    if is_role_arn(&text.value) {
        return Some(text.value);
    }
    let cure = "Write it as IAM shows it, for example arn:aws:iam::123456789012:role/MyRole; other \
                partitions begin with arn:aws-us-gov: or arn:aws-cn: and so on.";
    reading.fault_of(&text, "is not the ARN of an IAM role", cure);
    None
}

/// `arn:<partition>:iam::<account>:role/<path><name>`.
fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return false;
    };
    let Some(path) = resource.strip_prefix("role/") else {
        return false;
    };
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    is_partition(partition)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && folders.len() <= 510
        && folders.bytes().all(|byte| byte.is_ascii_graphic())
        && (1..=64).contains(&name.len())
        && name.chars().all(is_name_character)
}

/// `aws`, or `aws-` and words: `aws-us-gov`, `aws-cn`, `aws-iso-b`, `aws-eusc`.
fn is_partition(partition: &str) -> bool {
    let mut words = partition.split('-');
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    words.next() == Some("aws") && words.all(is_word)
}

/// `[\w+=,.@-]`
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn duration(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<Duration> {
    let seconds = fields
        .take("DurationSeconds")
        .and_then(|field| reading.whole(&field, SECONDS));
    seconds.map(Duration::from_secs)
}

/// Checks a text's length in characters and each of its characters.
fn checked(
    reading: &mut Reading<'_>,
    text: &Text,
    lengths: std::ops::RangeInclusive<usize>,
    is_legal: impl Fn(char) -> bool,
    alphabet: &str,
) -> Option<String> {
    let length = text.value.chars().count();
    let (least, most) = (lengths.start(), lengths.end());
    if lengths.contains(&length) && text.value.chars().all(is_legal) {
        return Some(text.value.clone());
    }
    let problem = format!("does not have {least} to {most} characters out of {alphabet}");
    reading.fault_of(text, &problem, format!("Write {least} to {most} of those."));
    None
}

/// `RoleSessionName` and `SourceIdentity`.
fn name(reading: &mut Reading<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    let text = reading.text(&fields.take(key)?)?;
    if key == "SourceIdentity" && text.value.starts_with("aws:") {
        reading.fault_of(
            &text,
            "begins with `aws:`",
            "Choose another: AWS keeps those.",
        );
        return None;
    }
    let alphabet = "letters, digits and _+=,.@-";
    checked(
        reading,
        &text,
        2..=LONGEST_SESSION_NAME,
        is_name_character,
        alphabet,
    )
}

fn external_id(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let text = reading.text(&fields.take("ExternalId")?)?;
    let is_legal = |c: char| is_name_character(c) || ":/".contains(c);
    checked(
        reading,
        &text,
        2..=1224,
        is_legal,
        "letters, digits and _+=,.@:/-",
    )
}

/// `SerialNumber` and `TokenCode` of an MFA device.
fn device(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> (Option<String>, Option<String>) {
    let serial_field = fields.take("SerialNumber");
    let code_field = fields.take("TokenCode");
    let serial = serial_field.as_ref().and_then(|field| {
        let text = reading.text(field)?;
        let is_legal = |c: char| is_name_character(c) || ":/".contains(c);
        checked(
            reading,
            &text,
            9..=256,
            is_legal,
            "letters, digits and _+=/:,.@-",
        )
    });
    let code = code_field.as_ref().and_then(|field| {
        let text = reading.text(field)?;
        checked(reading, &text, 6..=6, |c| c.is_ascii_digit(), "digits")
    });
    let (alone, missing, cure) = match (&serial_field, &code_field) {
        (None, Some(code)) => (code, "SerialNumber", "Name the device that shows the code."),
        (Some(serial), None) => (
            serial,
            "TokenCode",
            "Give the code that the device shows, or remove SerialNumber.",
        ),
        (Some(_), Some(_)) | (None, None) => return (serial, code),
    };
    let problem = format!("{}: there is no {missing} beside it", alone.path);
    reading.fault(alone.node.mark, problem, cure);
    (serial, code)
}

fn too_many(reading: &mut Reading<'_>, field: &Field<'_>, count: usize, most: usize) {
    if count > most {
        let problem = format!("{}: {count} of them are more than AWS takes", field.path);
        reading.fault(field.node.mark, problem, format!("Give at most {most}."));
    }
}

/// `[{arn: …}]`, as AWS has it, or ARNs alone.
fn policy_arns(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Vec<String> {
    let Some(field) = fields.take("PolicyArns") else {
        return Vec::new();
    };
    let items = reading.items(&field);
    too_many(reading, &field, items.len(), MOST_POLICIES);
    let mut arns = Vec::new();
    for item in items {
        let arn = match &item.node.value {
            Value::Scalar { .. } => Some(item.clone()),
            Value::Mapping(_) | Value::Sequence(_) => {
                reading.fields(&item).and_then(|mut fields| {
                    let arn = fields.need("arn", reading, "Write arn: and a managed policy's ARN.");
                    fields.finish(reading);
                    arn
                })
            }
        };
        arns.extend(arn.and_then(|arn| policy_arn(reading, &arn)));
    }
    arns
}

fn policy_arn(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<String> {
    let text = reading.text(field)?;
    let parts: Vec<_> = text.value.splitn(6, ':').collect();
    let is_arn = matches!(
        parts.as_slice(),
        &["arn", partition, "iam", "", _, resource]
            if is_partition(partition) && resource.starts_with("policy/")
    );
    if is_arn && (20..=2048).contains(&text.value.len()) {
        return Some(text.value);
    }
    let cure = "For example arn:aws:iam::aws:policy/ReadOnlyAccess";
    reading.fault_of(&text, "is not the ARN of a managed policy", cure);
    None
}

/// JSON as a text, or a mapping that becomes JSON.
fn policy(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let field = fields.take("Policy")?;
    let (text, mark) = match &field.node.value {
        Value::Scalar { .. } => {
            let text = reading.text_among(&field, Foreign::Kept)?;
            let parsed =
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text.value);
            if let Err(error) = parsed {
                let problem = format!(
                    "{}: this is no policy in JSON (line {} of it, column {})",
                    field.path,
                    error.line(),
                    error.column()
                );
                let cure = "Write a policy as JSON, or as a mapping of YAML.";
                reading.fault(text.mark, problem, cure);
                return None;
            }
            (text.value, text.mark)
        }
        Value::Mapping(_) => (json(reading, &field)?.to_string(), field.node.mark),
        Value::Sequence(_) => {
            let problem = format!("{}: a list is no policy", field.path);
            reading.fault(
                field.node.mark,
                problem,
                "Write a mapping with Version and Statement.",
            );
            return None;
        }
    };
    let length = text.chars().count();
    if length > LONGEST_POLICY {
        let problem = format!(
            "{}: {length} characters are more than STS takes",
            field.path
        );
        let cure = format!("At most {LONGEST_POLICY}: use managed policies by PolicyArns.");
        reading.fault(mark, problem, cure);
    }
    Some(text)
}

fn json(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<serde_json::Value> {
    match &field.node.value {
        Value::Scalar { text, is_plain } if *is_plain && !text.contains("${") => {
            Some(scalar::json(text))
        }
        Value::Scalar { .. } => {
            let text = reading.text_among(field, Foreign::Kept)?;
            Some(serde_json::Value::String(text.value))
        }
        Value::Sequence(_) => {
            let items = reading.items(field);
            let values: Vec<_> = items.iter().map(|item| json(reading, item)).collect();
            values.into_iter().collect()
        }
        Value::Mapping(entries) => {
            let mut map = serde_json::Map::new();
            for entry in entries {
                let path = joined(&field.path, &entry.key);
                let node = &entry.node;
                map.insert(entry.key.clone(), json(reading, &Field { path, node })?);
            }
            Some(serde_json::Value::Object(map))
        }
    }
}

/// `[{Key, Value}]`, as AWS has it, or a mapping.
fn tags(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let Some(field) = fields.take("Tags") else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    if let Value::Mapping(entries) = &field.node.value {
        for entry in entries {
            let path = joined(&field.path, &entry.key);
            let node = &entry.node;
            let value = reading.text(&Field {
                path: path.clone(),
                node,
            });
            let key = Text::of_key(&entry.key, entry.key_mark, path);
            pairs.extend(value.map(|value| (key, value)));
        }
    } else {
        for item in reading.items(&field) {
            let Some(mut fields) = reading.fields(&item) else {
                continue;
            };
            let key = fields.need("Key", reading, "Name the tag.");
            let value = fields.need("Value", reading, "Give the tag's value; it may be \"\".");
            fields.finish(reading);
            let key = key.and_then(|key| reading.text(&key));
            let value = value.and_then(|value| reading.text(&value));
            pairs.extend(key.zip(value));
        }
    }
    too_many(reading, &field, pairs.len(), MOST_TAGS);
    let mut seen = HashSet::new();
    let mut tags = Vec::new();
    for (key, value) in pairs {
        if !seen.insert(key.value.to_lowercase()) {
            let cure = "Give each tag once; capitals do not tell them apart.";
            reading.fault_of(&key, "stands there twice", cure);
        }
        let key = tag_key(reading, &key);
        let value = checked(reading, &value, 0..=256, is_tag_character, TAG_ALPHABET);
        tags.extend(key.zip(value));
    }
    tags
}

const TAG_ALPHABET: &str = "letters, digits, blanks and _.:/=+-@";

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn tag_key(reading: &mut Reading<'_>, text: &Text) -> Option<String> {
    if text.value.to_ascii_lowercase().starts_with("aws:") {
        reading.fault_of(
            text,
            "begins with `aws:`",
            "Choose another: AWS keeps those.",
        );
        return None;
    }
    checked(reading, text, 1..=128, is_tag_character, TAG_ALPHABET)
}

/// Keys of this role's own tags: STS refuses others. What earlier sessions hand down needs no mention.
fn transitive_tag_keys(
    reading: &mut Reading<'_>,
    fields: &mut Fields<'_>,
    tags: &[(String, String)],
) -> Vec<String> {
    let Some(field) = fields.take("TransitiveTagKeys") else {
        return Vec::new();
    };
    let texts = reading.texts(&field);
    too_many(reading, &field, texts.len(), MOST_TAGS);
    let tags: HashSet<_> = tags.iter().map(|(key, _)| key.to_lowercase()).collect();
    for text in &texts {
        if !tags.contains(&text.value.to_lowercase()) {
            let cure = "Name keys of Tags only; what earlier sessions hand down needs no mention.";
            reading.fault_of(text, "is no key of Tags", cure);
        }
    }
    texts
        .iter()
        .filter_map(|text| tag_key(reading, text))
        .collect()
}

fn provided_contexts(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let Some(field) = fields.take("ProvidedContexts") else {
        return Vec::new();
    };
    let items = reading.items(&field);
    too_many(reading, &field, items.len(), MOST_CONTEXTS);
    let mut contexts = Vec::new();
    for item in items {
        let Some(mut fields) = reading.fields(&item) else {
            continue;
        };
        let provider = fields.need("ProviderArn", reading, "Name the provider of the context.");
        let assertion = fields.need("ContextAssertion", reading, "Give the signed assertion.");
        fields.finish(reading);
        let mut text = |field: Option<Field<'_>>, least: usize| {
            let text = reading.text(&field?)?;
            let is_graphic = |c: char| c.is_ascii_graphic();
            checked(
                reading,
                &text,
                least..=2048,
                is_graphic,
                "printable characters",
            )
        };
        contexts.extend(text(provider, 20).zip(text(assertion, 4)));
    }
    contexts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_all_partitions_and_paths_are_known() {
        for arn in [
            "arn:aws:iam::123456789012:role/MyRole",
            "arn:aws-cn:iam::123456789012:role/a",
            "arn:aws-us-gov:iam::123456789012:role/team/app/Role_1+=,.@-",
            "arn:aws-iso-b:iam::123456789012:role/R",
            "arn:aws-eusc:iam::123456789012:role/R",
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_0123456789abcdef",
        ] {
            assert!(is_role_arn(arn), "{arn}");
        }
        for wrong in [
            "",
            "MyRole",
            "arn:aws:iam::12345678901:role/R",
            "arn:aws:iam:us-east-1:123456789012:role/R",
            "arn:aws:sts::123456789012:assumed-role/R/s",
            "arn:aws:iam::123456789012:user/R",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/R/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:evil:iam::123456789012:role/R",
            "arn:aws-:iam::123456789012:role/R",
            "arn:aws:iam::123456789012:role/R:x\n",
        ] {
            assert!(!is_role_arn(wrong), "{wrong}");
        }
    }

    #[test]
    fn session_names_are_cut_to_what_sts_takes() {
        let role = with_defaults(&"x".repeat(90), String::new());
        assert_eq!(role.session_name.len(), LONGEST_SESSION_NAME);
        let umlauts = format!("a{}", "ü".repeat(90));
        let role = with_defaults(&umlauts, String::new());
        assert_eq!(role.session_name.chars().count(), LONGEST_SESSION_NAME);
        assert_eq!(
            with_defaults("app", String::new()).session_name,
            "bazel-proxy-app"
        );
    }
}
