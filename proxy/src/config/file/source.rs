//! `aws_defaults` and `source_credentials`: where credentials begin. The more specific wins.

use std::sync::Arc;

use sso_session::secret::Secret;

use super::reader::{Field, Fields, Reading};
use super::{Keys, SourceConfig, SourceKind};

/// What one mapping says; what it leaves open, it leaves to `defaults`.
pub(super) fn source(
    reading: &mut Reading<'_>,
    field: Option<&Field<'_>>,
    defaults: &SourceConfig,
) -> SourceConfig {
    let Some(mut fields) = field.and_then(|field| reading.fields(field)) else {
        return defaults.clone();
    };
    let region = fields
        .take("region")
        .and_then(|field| region(reading, &field));
    let kind = kind(reading, &mut fields);
    fields.finish(reading);
    SourceConfig {
        region: region.or_else(|| defaults.region.clone()),
        kind: kind.unwrap_or_else(|| defaults.kind.clone()),
    }
}

fn kind(reading: &mut Reading<'_>, fields: &mut Fields<'_>) -> Option<SourceKind> {
    let profile = fields.take("iam_profile");
    let keys = fields.take("iam_keys");
    if let (Some(_), Some(keys)) = (&profile, &keys) {
        let problem = format!("{}: iam_profile stands beside it", keys.path);
        let cure = "Remove one of the two: credentials begin in one place.";
        reading.fault(keys.node.mark, problem, cure);
    }
    let profile = profile.and_then(|field| self::profile(reading, &field));
    profile.or_else(|| keys.and_then(|field| self::keys(reading, &field)))
}

/// By its shape only: AWS has new regions every year.
fn region(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<String> {
    let text = reading.text(field)?;
    if is_region(&text.value) {
        return Some(text.value);
    }
    reading.fault_of(
        &text,
        "is not a region",
        "For example us-west-2, us-gov-west-1 or eusc-de-east-1.",
    );
    None
}

/// Words and a number: `us-west-2`, `us-gov-west-1`, `eu-isoe-west-1`, `eusc-de-east-1`.
pub(in crate::config) fn is_region(region: &str) -> bool {
    let Some((words, number)) = region.rsplit_once('-') else {
        return false;
    };
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    region.len() <= 32
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.contains('-')
        && words.split('-').all(is_word)
}

fn profile(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<SourceKind> {
    let mut fields = reading.fields(field)?;
    let example = "Name a profile of ~/.aws/config.";
    let name = fields.need("profile_name", reading, example);
    let name = name.and_then(|field| {
        let text = reading.text(&field)?;
        let is_name = !text.value.trim().is_empty()
            && text.value.len() <= 256
            && !text.value.chars().any(|c| c.is_control() || c == ']');
        if !is_name {
            reading.fault_of(&text, "is not the name of a profile", example);
        }
        is_name.then_some(text.value)
    });
    let config_file = fields
        .take("config_file")
        .and_then(|field| reading.file_path(&field));
    fields.finish(reading);
    Some(SourceKind::Profile {
        name: name?,
        config_file,
    })
}

fn keys(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<SourceKind> {
    let mut fields = reading.fields(field)?;
    let id = fields.need("aws_access_key_id", reading, "Give the id of the key.");
    let secret = fields.need(
        "aws_secret_access_key",
        reading,
        "Give the key's secret, for example as ${fromFile:/run/secrets/aws_secret_access_key}.",
    );
    let token = fields.take("session_token");
    let is_temporary = token.is_some();
    fields.finish(reading);
    let id = id.and_then(|field| key_id(reading, &field));
    let secret = secret.and_then(|field| secret_text(reading, &field));
    let session_token = token.and_then(|field| secret_text(reading, &field));
    if is_temporary && session_token.is_none() {
        return None;
    }
    Some(SourceKind::Keys(Arc::new(Keys {
        access_key_id: id?,
        secret_access_key: secret?,
        session_token,
    })))
}

/// 16 to 128 letters, digits and `_`:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
fn key_id(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<String> {
    let text = reading.text(field)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if (16..=128).contains(&text.value.len()) && text.value.chars().all(is_word) {
        return Some(text.value);
    }
    reading.fault_of(
        &text,
        "is not the id of a key",
        "For example AKIAIOSFODNN7EXAMPLE.",
    );
    None
}

/// AWS does not say what these look like; what could not be signed with or sent is refused.
fn secret_text(reading: &mut Reading<'_>, field: &Field<'_>) -> Option<Secret> {
    let text = reading.text(field)?;
    if !text.value.is_empty() && text.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(Secret::new(text.value));
    }
    let cure = "Give it as AWS has shown it, without blanks and line ends.";
    reading.fault_of(&text, "is empty, or holds what no key holds", cure);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_their_shape() {
        for region in [
            "us-west-2",
            "us-gov-west-1",
            "eu-isoe-west-1",
            "eusc-de-east-1",
            "ap-southeast-10",
            "us-isob-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for wrong in [
            "",
            "us",
            "us-west",
            "west-2",
            "US-WEST-2",
            "us_west_2",
            "us-west-2a",
            "us--1",
        ] {
            assert!(!is_region(wrong), "{wrong}");
        }
    }
}
