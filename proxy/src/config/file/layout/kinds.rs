//! What a value of the file may be. Each may be put in from outside, by a text with `${from…}` in it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::super::role::{MOST_CONTEXTS, MOST_POLICIES, MOST_TAGS, SECONDS};
use super::{Directory, ManagedPolicy, Role, Service, Tag, Upstream};
use crate::config::codeartifact::MOST_UPSTREAMS;
use crate::container_credentials::SHORTEST_TOKEN;

const FROM_OUTSIDE: &str = r"\$\{from(Env|File):";

/// Implements [`JsonSchema`] for kinds that are described where they stand.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => |$generator:ident| $schema:expr;)+) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

kinds! {
    /// A text; numbers and booleans are taken as they are written.
    Text => |_generator| json_schema!({"type": ["string", "number", "boolean"]});
    /// Several texts.
    Texts => |generator| json_schema!({"type": "array", "items": generator.subschema_for::<Text>()});
    /// `true` or `false`.
    Flag => |_generator| json_schema!({"anyOf": [
        {"type": "boolean"},
        {"enum": ["yes", "Yes", "YES", "on", "On", "ON", "no", "No", "NO", "off", "Off", "OFF"]},
        {"type": "string", "pattern": FROM_OUTSIDE},
    ]});
    /// Addresses or names.
    Hosts => |_generator| json_schema!({"anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}},
    ]});
    /// A service's token; one of digits alone is a number to YAML, and long enough from a size on.
    Token => |_generator| json_schema!({"anyOf": [
        {"type": "string", "minLength": SHORTEST_TOKEN},
        {"type": "string", "pattern": FROM_OUTSIDE},
        {"type": "integer", "minimum": 1_000_000_000_000_000_u64},
    ]});
    /// A region, by its shape.
    RegionName => |_generator| matching("^[a-z]+(-[a-z]+)+-[0-9]{1,2}$");
    /// The ARN of a role.
    RoleArn => |_generator| matching("^arn:aws(-[a-z0-9]+)*:iam::[0-9]{12}:role/([!-~]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}$");
    /// The name of a session or an identity.
    Name => |_generator| {
        let mut schema = matching("^[A-Za-z0-9_+=,.@-]{2,64}$");
        schema.insert("type".to_owned(), json!(["string", "number", "boolean"]));
        schema
    };
    /// How long a session lasts.
    Seconds => |_generator| whole(*SECONDS.start(), *SECONDS.end());
    /// JSON as a text, or what becomes JSON.
    Policy => |_generator| json_schema!({"type": ["string", "object"], "maxLength": 2048});
    /// ARNs, alone or in mappings.
    ManagedPolicies => |generator| json_schema!({
        "type": "array",
        "maxItems": MOST_POLICIES,
        "items": {"anyOf": [
            {"type": "string", "minLength": 1},
            generator.subschema_for::<ManagedPolicy>(),
        ]},
    });
    /// A mapping, or a list of keys and values.
    Tags => |generator| json_schema!({"anyOf": [
        {
            "type": "object",
            "maxProperties": MOST_TAGS,
            "additionalProperties": generator.subschema_for::<Text>(),
        },
        {"type": "array", "maxItems": MOST_TAGS, "items": generator.subschema_for::<Tag>()},
    ]});
    /// Roles, or ARNs that take all else from `assumed_role`.
    AllowedRoles => |generator| json_schema!({"type": "array", "items": {"anyOf": [
        generator.subschema_for::<RoleArn>(),
        generator.subschema_for::<Role>(),
    ]}});
    /// Signed contexts.
    Contexts => |generator| json_schema!({
        "type": "array",
        "maxItems": MOST_CONTEXTS,
        "items": generator.subschema_for::<super::ProvidedContext>(),
    });
    /// Services by name.
    Services => |generator| json_schema!({
        "type": "object",
        "patternProperties": {"^[A-Za-z0-9_-]{1,128}$": generator.subschema_for::<Service>()},
        "additionalProperties": false,
    });
    /// Repositories by the names that they are served by.
    Repositories => |generator| json_schema!({
        "type": "object",
        "maxProperties": MOST_UPSTREAMS,
        "patternProperties": {"^[a-z0-9][a-z0-9_-]{0,62}$": generator.subschema_for::<Upstream>()},
        "additionalProperties": false,
    });
    /// A domain of CodeArtifact.
    Domain => |_generator| matching("^[a-z][a-z0-9-]{0,48}[a-z0-9]$");
    /// An account's id: without quotes it is a number, and must not lose a zero.
    Account => |_generator| json_schema!({"anyOf": [
        {"type": "string", "pattern": format!("^[0-9]{{12}}$|{FROM_OUTSIDE}")},
        {"type": "integer", "minimum": 100_000_000_000_u64, "maximum": 999_999_999_999_u64},
    ]});
    /// A repository's name; one of digits alone is a number to YAML.
    ArtifactRepository => |_generator| json_schema!({"anyOf": [
        matching("^[A-Za-z0-9][A-Za-z0-9._-]{1,99}$"),
        {"type": "number"},
    ]});
    /// Kinds of packages: a list, or separated by commas.
    Formats => |_generator| json_schema!({"anyOf": [
        {"type": "string", "pattern": format!("^ *(pypi|npm|maven)( *, *(pypi|npm|maven))* *$|{FROM_OUTSIDE}")},
        {
            "type": "array",
            "minItems": 1,
            "items": matching("^(pypi|npm|maven)$"),
        },
    ]});
    /// How long a token lives.
    TokenSeconds => |_generator| json_schema!({"anyOf": [
        {"const": 0},
        {"type": "number", "minimum": 900, "maximum": 43_200},
        {"type": "string", "pattern": format!("^[0-9.]+ *([mM][sS]|[sS]|[mM]|[mM][iI][nN]|[hH])?$|{FROM_OUTSIDE}")},
    ]});
    /// A public index.
    IndexUrl => |_generator| matching("^(https://|http://(localhost|127\\.|\\[::1\\]))[^@?#]*$");
    /// Several words: a list, or separated by commas.
    Words => |generator| json_schema!({"anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": generator.subschema_for::<Text>()},
    ]});
    /// Folders.
    Directories => |generator| json_schema!({
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": "string"}, generator.subschema_for::<Directory>()]},
    });
}

fn matching(pattern: &str) -> Schema {
    json_schema!({"type": "string", "pattern": format!("{pattern}|{FROM_OUTSIDE}")})
}

fn whole(least: i64, most: i64) -> Schema {
    json_schema!({"anyOf": [
        {"type": "integer", "minimum": least, "maximum": most},
        {"type": "string", "pattern": FROM_OUTSIDE},
    ]})
}

/// A whole number within bounds.
pub(super) struct Whole<const LEAST: i64, const MOST: i64>;

impl<const LEAST: i64, const MOST: i64> JsonSchema for Whole<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Whole_{LEAST}_{MOST}").into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        whole(LEAST, MOST)
    }
}
