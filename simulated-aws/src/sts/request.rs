//! The parameters of `AssumeRole` and `GetSessionToken`, held to the bounds that STS documents.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::partition;
use crate::service::ErrorAnswer;

/// The seconds a role may be assumed for, and those it is assumed for unless asked otherwise.
const ROLE_SECONDS: RangeInclusive<u64> = 900..=43_200;
const DEFAULT_ROLE_SECONDS: u64 = 3_600;
/// The same of a user's own sessions.
const SESSION_SECONDS: RangeInclusive<u64> = 900..=129_600;
const DEFAULT_SESSION_SECONDS: u64 = 43_200;

const MOST_POLICY_ARNS: usize = 10;
const MOST_TAGS: usize = 50;
const MOST_CONTEXTS: usize = 5;
const MOST_POLICY: usize = 2_048;
/// AWS packs policies, their ARNs and tags by a rule of its own and tells how full they are. This stands for
/// it.
const MOST_PACKED: usize = 4_096;

/// A form as it was sent: names such as `Tags.member.1.Key`, and values.
pub(super) type Form = BTreeMap<String, String>;

/// What was asked of `AssumeRole`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AssumeRole {
    pub(super) arn: RoleArn,
    pub(super) session_name: String,
    pub(super) life: Duration,
    pub(super) external_id: Option<String>,
    pub(super) source_identity: Option<String>,
    /// `SerialNumber` and `TokenCode`.
    pub(super) mfa: Option<(String, String)>,
    /// In percent, as STS tells it.
    pub(super) packed: usize,
}

/// `arn:<partition>:iam::<account>:role/<path…>/<name>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoleArn {
    pub(super) text: String,
    pub(super) partition: String,
    pub(super) account: String,
    pub(super) name: String,
}

pub(super) fn invalid(message: impl AsRef<str>) -> ErrorAnswer {
    ErrorAnswer::new(400, "ValidationError", message.as_ref())
}

/// The parameters of a form, without those of the protocol.
pub(super) fn parameters(form: &[u8]) -> Form {
    form_urlencoded::parse(form)
        .filter(|(name, _)| name != "Action" && name != "Version")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

impl RoleArn {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        let partition = fields.nth(1)?.to_owned();
        let is_iam = fields.next()? == "iam" && fields.next()?.is_empty();
        let account = fields.next()?.to_owned();
        let path = fields.next()?.strip_prefix("role/")?;
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_arn = text.starts_with("arn:") && is_iam && is_account && !name.is_empty();
        (is_arn && partition::is_known(&partition)).then(|| Self {
            text: text.to_owned(),
            partition,
            account,
            name,
        })
    }
}

impl AssumeRole {
    pub(super) fn of(form: &Form) -> Result<Self, ErrorAnswer> {
        let text = |name: &str| form.get(name).map(String::as_str);
        let arn = text("RoleArn").ok_or_else(|| missing("roleArn"))?;
        sized("roleArn", arn, 20..=2_048)?;
        let arn = RoleArn::parse(arn).ok_or_else(|| invalid(format!("{arn} is invalid")))?;
        let session_name = text("RoleSessionName").ok_or_else(|| missing("roleSessionName"))?;
        word("roleSessionName", session_name, 2..=64, "+=,.@-")?;
        let external_id = text("ExternalId");
        if let Some(id) = external_id {
            word("externalId", id, 2..=1_224, "+=,.@:/-")?;
        }
        let source_identity = text("SourceIdentity");
        if let Some(identity) = source_identity {
            word("sourceIdentity", identity, 2..=64, "+=,.@-")?;
        }
        let life = seconds(form, ROLE_SECONDS, DEFAULT_ROLE_SECONDS)?;
        contexts(form)?;
        Ok(Self {
            arn,
            session_name: session_name.to_owned(),
            life,
            external_id: external_id.map(str::to_owned),
            source_identity: source_identity.map(str::to_owned),
            mfa: mfa(form)?,
            packed: packed(policy(form)? + policy_arns(form)? + tags(form)?)?,
        })
    }
}

/// How long a session of a user's own is asked for.
pub(super) fn session_life(form: &Form) -> Result<Duration, ErrorAnswer> {
    mfa(form)?;
    seconds(form, SESSION_SECONDS, DEFAULT_SESSION_SECONDS)
}

fn seconds(
    form: &Form,
    bounds: RangeInclusive<u64>,
    unasked: u64,
) -> Result<Duration, ErrorAnswer> {
    let Some(text) = form.get("DurationSeconds") else {
        return Ok(Duration::from_secs(unasked));
    };
    let seconds = text
        .parse()
        .map_err(|_| ErrorAnswer::new(400, "MalformedInput", "DurationSeconds is not a number"))?;
    let constraint = if seconds < *bounds.start() {
        format!("greater than or equal to {}", bounds.start())
    } else {
        format!("less than or equal to {}", bounds.end())
    };
    if bounds.contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(unsatisfied(
        "durationSeconds",
        text,
        &format!("Member must have value {constraint}"),
    ))
}

fn mfa(form: &Form) -> Result<Option<(String, String)>, ErrorAnswer> {
    let (serial, code) = (form.get("SerialNumber"), form.get("TokenCode"));
    let (Some(serial), Some(code)) = (serial, code) else {
        return match serial.or(code) {
            Some(_) => Err(invalid("SerialNumber and TokenCode go together")),
            None => Ok(None),
        };
    };
    word("serialNumber", serial, 9..=256, "+=/:,.@-")?;
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        let constraint = "Member must satisfy regular expression pattern: [\\d]*";
        return Err(unsatisfied("tokenCode", "******", constraint));
    }
    Ok(Some((serial.clone(), code.clone())))
}

/// Bytes of the policy.
fn policy(form: &Form) -> Result<usize, ErrorAnswer> {
    let Some(policy) = form.get("Policy") else {
        return Ok(0);
    };
    sized("policy", policy, 1..=MOST_POLICY)?;
    let is_policy = serde_json::from_str::<serde_json::Value>(policy)
        .is_ok_and(|policy| policy.get("Statement").is_some());
    if is_policy {
        return Ok(policy.len());
    }
    Err(ErrorAnswer::new(
        400,
        "MalformedPolicyDocument",
        "This policy contains invalid Json",
    ))
}

fn policy_arns(form: &Form) -> Result<usize, ErrorAnswer> {
    let arns = members(form, "PolicyArns");
    at_most("policyArns", arns.len(), MOST_POLICY_ARNS)?;
    let mut bytes = 0;
    for member in &arns {
        let arn = member.get("arn").ok_or_else(|| missing("policyArns.arn"))?;
        sized("policyArns.arn", arn, 20..=2_048)?;
        if !arn.starts_with("arn:") || !arn.contains(":policy/") {
            return Err(invalid(format!("ARN {arn} is not valid.")));
        }
        bytes += arn.len();
    }
    Ok(bytes)
}

fn tags(form: &Form) -> Result<usize, ErrorAnswer> {
    let refuse = |message: &str| ErrorAnswer::new(400, "InvalidParameterValue", message);
    let tags = members(form, "Tags");
    at_most("tags", tags.len(), MOST_TAGS)?;
    let (mut keys, mut bytes) = (BTreeSet::new(), 0);
    for tag in &tags {
        let key = tag.get("Key").ok_or_else(|| missing("tags.key"))?;
        let value = tag.get("Value").ok_or_else(|| missing("tags.value"))?;
        sized("tags.key", key, 1..=128)?;
        sized("tags.value", value, 0..=256)?;
        if !keys.insert(key.to_lowercase()) {
            return Err(refuse(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        bytes += key.len() + value.len();
    }
    let transitive = members(form, "TransitiveTagKeys");
    at_most("transitiveTagKeys", transitive.len(), MOST_TAGS)?;
    let is_tag = |key: &BTreeMap<&str, &str>| {
        let key = key.get("").copied().unwrap_or_default();
        keys.contains(&key.to_lowercase())
    };
    if transitive.iter().all(is_tag) {
        return Ok(bytes);
    }
    Err(refuse(
        "The specified transitive tag key must be included in the requested tags.",
    ))
}

fn contexts(form: &Form) -> Result<(), ErrorAnswer> {
    let contexts = members(form, "ProvidedContexts");
    at_most("providedContexts", contexts.len(), MOST_CONTEXTS)?;
    for context in &contexts {
        let part = |name: &str| context.get(name).copied().unwrap_or_default();
        sized(
            "providedContexts.providerArn",
            part("ProviderArn"),
            20..=2_048,
        )?;
        let assertion = part("ContextAssertion");
        sized("providedContexts.contextAssertion", assertion, 4..=2_048)?;
    }
    Ok(())
}

fn packed(bytes: usize) -> Result<usize, ErrorAnswer> {
    let percent = bytes * 100 / MOST_PACKED;
    if bytes <= MOST_PACKED {
        return Ok(percent);
    }
    let message =
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
    Err(ErrorAnswer::new(400, "PackedPolicyTooLarge", &message))
}

/// The members of a list, `<list>.member.<n>.<field>`, each by field; of a list of texts the field is empty.
fn members<'f>(form: &'f Form, list: &str) -> Vec<BTreeMap<&'f str, &'f str>> {
    let mut members: BTreeMap<u32, BTreeMap<&str, &str>> = BTreeMap::new();
    for (name, value) in form {
        let rest = name.strip_prefix(list);
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix(".member.")) else {
            continue;
        };
        let (number, field) = rest.split_once('.').unwrap_or((rest, ""));
        if let Ok(number) = number.parse() {
            members.entry(number).or_default().insert(field, value);
        }
    }
    members.into_values().collect()
}

fn missing(name: &str) -> ErrorAnswer {
    invalid(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must \
         not be null"
    ))
}

fn unsatisfied(name: &str, value: &str, constraint: &str) -> ErrorAnswer {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: \
         {constraint}"
    ))
}

fn at_most(name: &str, count: usize, most: usize) -> Result<(), ErrorAnswer> {
    if count <= most {
        return Ok(());
    }
    let constraint = format!("Member must have length less than or equal to {most}");
    Err(unsatisfied(name, "[…]", &constraint))
}

fn sized(name: &str, value: &str, bounds: RangeInclusive<usize>) -> Result<(), ErrorAnswer> {
    let length = value.chars().count();
    if bounds.contains(&length) {
        return Ok(());
    }
    let constraint = if length < *bounds.start() {
        format!("greater than or equal to {}", bounds.start())
    } else {
        format!("less than or equal to {}", bounds.end())
    };
    let constraint = format!("Member must have length {constraint}");
    Err(unsatisfied(name, value, &constraint))
}

/// A text of letters, digits, `_` and these.
fn word(
    name: &str,
    value: &str,
    bounds: RangeInclusive<usize>,
    others: &str,
) -> Result<(), ErrorAnswer> {
    sized(name, value, bounds)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || others.contains(c);
    if value.chars().all(fits) {
        return Ok(());
    }
    let constraint = format!("Member must satisfy regular expression pattern: [\\w{others}]*");
    Err(unsatisfied(name, value, &constraint))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-us-gov:iam::111122223333:role/team/Deployer";

    fn asked(more: &[(&str, &str)]) -> Result<AssumeRole, String> {
        let mut form = Form::from([
            ("RoleArn".to_owned(), ARN.to_owned()),
            ("RoleSessionName".to_owned(), "ci".to_owned()),
        ]);
        for (name, value) in more {
            form.insert((*name).to_owned(), (*value).to_owned());
        }
        AssumeRole::of(&form).map_err(|error| error.code)
    }

    #[test]
    fn a_role_is_read_with_its_path_and_partition() {
        let role = asked(&[("DurationSeconds", "900")]).expect("valid");
        assert_eq!(role.arn.partition, "aws-us-gov");
        assert_eq!(role.arn.account, "111122223333");
        assert_eq!(role.arn.name, "Deployer");
        assert_eq!(role.life, Duration::from_mins(15));
        assert_eq!(role.packed, 0);
    }

    #[test]
    fn every_parameter_has_its_bounds() {
        let long = "x".repeat(2_049);
        for (name, value) in [
            ("RoleArn", "Deployer"),
            ("RoleArn", "arn:aws-moon:iam::111122223333:role/Deployer"),
            ("RoleArn", "arn:aws:iam::1111:role/DeployerDeployer"),
            ("RoleSessionName", "c"),
            ("RoleSessionName", "c i"),
            ("DurationSeconds", "899"),
            ("DurationSeconds", "43201"),
            ("ExternalId", "?!"),
            ("SourceIdentity", "a b"),
            ("TokenCode", "123456"),
            ("PolicyArns.member.1.arn", "ReadOnlyAccessReadOnlyAccess"),
            ("Tags.member.1.Key", "a"),
            ("Policy", long.as_str()),
            ("ProvidedContexts.member.1.ProviderArn", "x"),
        ] {
            let refused = asked(&[(name, value)]);
            assert_eq!(refused, Err("ValidationError".to_owned()), "{name}");
        }
        let malformed = asked(&[("Policy", "{")]);
        assert_eq!(malformed, Err("MalformedPolicyDocument".to_owned()));
        let not_a_number = asked(&[("DurationSeconds", "an hour")]);
        assert_eq!(not_a_number, Err("MalformedInput".to_owned()));
    }

    #[test]
    fn tags_are_distinct_and_transitive_ones_are_among_them() {
        let tag = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "a")];
        let with = |more: &[(&str, &str)]| asked(&[tag.as_slice(), more].concat());
        assert!(with(&[("TransitiveTagKeys.member.1", "team")]).is_ok());
        let refused = Err("InvalidParameterValue".to_owned());
        assert_eq!(with(&[("TransitiveTagKeys.member.1", "cost")]), refused);
        let twice = [("Tags.member.2.Key", "TEAM"), ("Tags.member.2.Value", "b")];
        assert_eq!(with(&twice), refused);
    }

    #[test]
    fn policies_and_tags_have_room_for_so_much() {
        let statement = |fill: usize| format!(r#"{{"Statement":["{}"]}}"#, "x".repeat(fill));
        let policy = statement(2_000);
        assert!(asked(&[("Policy", &policy)]).is_ok_and(|role| role.packed > 40));
        let arn = format!("arn:aws:iam::aws:policy/{}", "x".repeat(1_900));
        let both = [
            ("Policy", policy.as_str()),
            ("PolicyArns.member.1.arn", arn.as_str()),
            ("PolicyArns.member.2.arn", arn.as_str()),
        ];
        assert_eq!(asked(&both), Err("PackedPolicyTooLarge".to_owned()));
    }
}
