//! The file's layout as types, from which its JSON schema is made: for editors, and for checks before a
//! program is at hand. What reads a file is [`super::reader`]; a test holds the two together, key by key.
#![expect(
    dead_code,
    reason = "these types are described, never made: a value of the file is read with its place"
)]

mod kinds;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use kinds::{
    Account, AllowedRoles, ArtifactRepository, Contexts, Directories, Domain, Flag, Formats, Hosts,
    IndexUrl, ManagedPolicies, Name, Policy, RegionName, Repositories, RoleArn, Seconds, Services,
    Tags, Text, Texts, Token, TokenSeconds, Whole, Words,
};

/// The JSON schema (draft 7) of the configuration file, as text that ends with a line end.
#[must_use]
pub fn schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let schema: Schema = generator.into_root_schema_for::<File>();
    let mut schema = schema.to_value();
    without_null(&mut schema, "");
    format!("{schema:#}\n")
}

/// A section that is left empty is read as one that is not there. In the schema, the choice between both would
/// make editors mark a whole section for one fault in it. `prometheus` alone means something when empty.
fn without_null(node: &mut Value, key: &str) {
    let null = json!({"type": "null"});
    match node {
        Value::Object(keys) => {
            let section = match keys
                .get("anyOf")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
            {
                Some([section, other]) if *other == null && key != "prometheus" => {
                    section.get("$ref").is_some().then(|| section.clone())
                }
                _ => None,
            };
            if let Some(section) = section {
                keys.remove("anyOf");
                // Beside a reference, draft 7 reads nothing else.
                keys.insert("allOf".to_owned(), json!([section]));
            }
            for (key, node) in keys {
                without_null(node, key);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without_null(item, "")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Keys of the user's own: for anchors and notes.
fn extensions() -> Value {
    json!({"^x-": {}})
}

/// A file without any service or repository is a mistake.
fn some_service() -> Value {
    json!([
        {"required": ["services"], "properties": {"services": {"minProperties": 1}}},
        {"required": ["codeartifact"], "properties": {"codeartifact": {"minProperties": 1}}},
        {
            "required": ["dynamic_services"],
            "properties": {"dynamic_services": {
                "required": ["enabled"],
                "properties": {"enabled": {"not": {"enum": [false, null]}}},
            }},
        },
    ])
}

/// An MFA device and its code are given together.
fn device() -> Value {
    json!({"SerialNumber": ["TokenCode"], "TokenCode": ["SerialNumber"]})
}

/// The configuration file of bazel-proxy: AWS credentials for containers, as on ECS, and repositories of
/// CodeArtifact. Every text may hold
/// `${fromEnv:NAME}` and `${fromFile:/path}`; a path begins where this file is, or with `~/`. Keys that begin
/// with `x-` may stand everywhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Configuration of bazel-proxy")]
#[schemars(extend("patternProperties" = extensions(), "anyOf" = some_service()))]
pub(super) struct File {
    /// The listener for credentials.
    server: Option<Server>,
    /// What is asked of renewals.
    credentials: Option<Credentials>,
    /// Where credentials begin, for all services that do not say it themselves.
    aws_defaults: Option<Source>,
    /// The services by name (letters, digits, `-` and `_`).
    services: Option<Services>,
    /// Services in files of their own, which come and go while the proxy runs.
    dynamic_services: Option<DynamicServices>,
    /// Repositories of CodeArtifact by the names that they are served by, as in `/codeartifact/<name>/pypi/simple/`
    /// (lower-case letters, digits, `-` and `_`).
    codeartifact: Option<Repositories>,
    /// Figures for others.
    metrics: Option<Metrics>,
}

/// The listener for credentials.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Server {
    /// `localhost`, or IP addresses: a list, or separated by commas. Others than loopback need `tls` or
    /// `allow_non_loopback`.
    #[schemars(extend("default" = "localhost"))]
    host: Option<Hosts>,
    /// The port; 0 lets the system choose.
    #[schemars(extend("default" = 1338))]
    port: Option<Whole<0, 65_535>>,
    /// A certificate: then other machines may be served.
    tls: Option<Tls>,
    /// Whether other machines may be served in the clear: for a network of containers alone.
    #[schemars(extend("default" = false))]
    allow_non_loopback: Option<Flag>,
    /// Names that clients may use in their Host header, beside `localhost` and IP addresses.
    allowed_hosts: Option<Hosts>,
    /// Whether to log at debug, unless a level is set elsewhere.
    #[schemars(extend("default" = false))]
    debug: Option<Flag>,
    /// Whether questions for health get lines in the log; `CREDPROXY_LOG_HEALTH_CHECKS` does the same.
    #[schemars(extend("default" = false))]
    log_health_checks: Option<Flag>,
}

/// The certificate that the listener shows. Both files are PEM, and read again when they change.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Tls {
    /// The server's certificate first, then those that lead to a root.
    certificate_file: Text,
    /// The certificate's private key.
    key_file: Text,
}

/// What is asked of renewals; without these, the proxy's own rules hold, by which nobody ever gets
/// credentials with less than 15 minutes left.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Credentials {
    /// Seconds: renewals begin at least so long ahead of the end.
    refresh_buffer_seconds: Option<Whole<0, 3600>>,
    /// Seconds from a renewal that failed to the next, while older credentials serve.
    retry_delay: Option<Whole<1, 300>>,
    /// Seconds that one attempt may take.
    request_timeout: Option<Whole<1, 300>>,
}

/// Where credentials begin: a profile, keys, or what the proxy itself uses.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
#[schemars(extend("not" = json!({"required": ["iam_profile", "iam_keys"]})))]
pub(super) struct Source {
    /// The region whose STS is asked.
    region: Option<RegionName>,
    /// A profile of any kind, SSO included.
    iam_profile: Option<Profile>,
    /// An access key.
    iam_keys: Option<Keys>,
}

/// A profile of the AWS CLI's files.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Profile {
    /// Its name.
    profile_name: Text,
    /// The file that it is in, where that is not `~/.aws/config`.
    config_file: Option<Text>,
}

/// An access key. Long-term keys are never handed out: temporary ones are made of them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Keys {
    /// The key's id.
    aws_access_key_id: Text,
    /// The key's secret; better `${fromFile:…}` than written here.
    aws_secret_access_key: Text,
    /// The session token of temporary credentials.
    session_token: Option<Text>,
}

/// One service: a token, and whose credentials it stands for.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
pub(super) struct Service {
    /// What its clients send, at least 16 characters; better `${fromFile:…}` than written here.
    auth_token: Token,
    /// Where its credentials begin; what is left open is that of `aws_defaults`.
    source_credentials: Option<Source>,
    /// The role that is assumed for it; without one it gets the source's own credentials.
    assumed_role: Option<Role>,
    /// What else it may ask for, by `/role-arn/<arn>`.
    allowed_roles: Option<AllowedRoles>,
}

/// The parameters of `AssumeRole`.
#[expect(
    clippy::struct_field_names,
    reason = "they are called as AWS calls them"
)]
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "PascalCase")]
#[schemars(extend("patternProperties" = extensions(), "dependencies" = device()))]
pub(super) struct Role {
    /// The role's ARN, of any partition.
    role_arn: RoleArn,
    /// What the session is called in CloudTrail; `bazel-proxy-<service>` unless it is given.
    role_session_name: Option<Name>,
    /// How long the session lasts. The role itself may allow less.
    #[schemars(extend("default" = 3600))]
    duration_seconds: Option<Seconds>,
    /// What the role's owner asks for.
    external_id: Option<Text>,
    /// Managed policies that bound the session: ARNs, or mappings with `arn`.
    policy_arns: Option<ManagedPolicies>,
    /// A policy that bounds the session: JSON, or a mapping.
    policy: Option<Policy>,
    /// Session tags: a mapping, or a list of `Key` and `Value`.
    tags: Option<Tags>,
    /// Those keys of `Tags` that later sessions inherit.
    transitive_tag_keys: Option<Texts>,
    /// An MFA device; with `TokenCode`.
    serial_number: Option<Text>,
    /// The code that the device of `SerialNumber` shows: good for one call.
    token_code: Option<Text>,
    /// The identity that CloudTrail shows throughout a chain of roles.
    source_identity: Option<Name>,
    /// Signed contexts of trusted providers.
    provided_contexts: Option<Contexts>,
}

/// A signed context.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "PascalCase")]
#[schemars(extend("patternProperties" = extensions()))]
struct ProvidedContext {
    /// Who has signed it.
    provider_arn: Text,
    /// What is signed.
    context_assertion: Text,
}

/// A managed policy.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
pub(super) struct ManagedPolicy {
    /// Its ARN.
    arn: Text,
}

/// A session tag.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "PascalCase")]
#[schemars(extend("patternProperties" = extensions()))]
pub(super) struct Tag {
    /// Its key.
    key: Text,
    /// Its value.
    value: Text,
}

/// Folders with files of services: several below `services`, or one alone that is called as its file is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
#[schemars(extend("not" = json!({"required": ["directory", "directories"]})))]
struct DynamicServices {
    /// Whether the folders are looked at.
    #[schemars(extend("default" = false))]
    enabled: Option<Flag>,
    /// The one folder.
    #[schemars(extend("default" = "/credproxy/dynamic"))]
    directory: Option<Text>,
    /// Several folders: paths, or mappings with patterns of their own.
    directories: Option<Directories>,
    /// Regular expressions for names or whole paths of files, from their beginning on. Without
    /// `file_pattern`, only files ending in .yaml, .yml or .json count; hidden ones never do.
    include_patterns: Option<Texts>,
    /// Regular expressions for files that are left out.
    exclude_patterns: Option<Texts>,
    /// A glob for the names of files, such as `*.yaml`.
    file_pattern: Option<Text>,
    /// Seconds from one look to the next.
    #[schemars(extend("default" = 1))]
    reload_interval: Option<Whole<1, 60>>,
    /// Taken for the sake of older files; nothing waits so long.
    watcher_stop_timeout: Option<Whole<1, 300>>,
}

/// A folder, with what its files are called.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
pub(super) struct Directory {
    /// Where it is.
    path: Text,
    /// As in `dynamic_services`, for this folder.
    include_patterns: Option<Texts>,
    /// As in `dynamic_services`, for this folder.
    exclude_patterns: Option<Texts>,
    /// As in `dynamic_services`, for this folder.
    file_pattern: Option<Text>,
}

/// A repository of CodeArtifact.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
pub(super) struct Upstream {
    /// Its domain.
    domain: Domain,
    /// The account that owns the domain: 12 digits, in quotes where the first is a zero.
    domain_owner: Account,
    /// The domain's region; `AWS_REGION` unless it is given.
    region: Option<RegionName>,
    /// Its name.
    repository: ArtifactRepository,
    /// What of it is served: `pypi`, `npm`, `maven`, or some of them.
    #[schemars(extend("default" = json!(["pypi", "npm", "maven"])))]
    formats: Option<Formats>,
    /// Whether clients may publish through the proxy.
    #[schemars(extend("default" = false))]
    publish: Option<Flag>,
    /// Python's projects that may come from a public index, where CodeArtifact has none of the name.
    public_fallback: Option<PublicFallback>,
    /// How long its tokens live: seconds from 900 to 43200, or a text such as `12h`; 0 for as long as the role's
    /// session.
    #[schemars(extend("default" = 43_200))]
    token_duration: Option<TokenSeconds>,
}

/// Python's projects that may come from a public index. CodeArtifact is asked first, and its origin controls hold.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct PublicFallback {
    /// The simple index: https, or plain http on loopback. There is no default.
    index_url: IndexUrl,
    /// Where its files may come from, beside the index's own host.
    file_hosts: Option<Words>,
    /// The only projects that may come from there.
    names: Words,
    /// What begins like this is private, and never asked for there.
    private_prefixes: Option<Words>,
}

/// Figures for others.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Metrics {
    /// A listener of its own for Prometheus, where this key stands.
    prometheus: Option<Prometheus>,
}

/// A listener of its own for Prometheus; it tells of no secret, so any address will do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("patternProperties" = extensions()))]
struct Prometheus {
    /// Whether it listens.
    #[schemars(extend("default" = true))]
    enabled: Option<Flag>,
    /// `localhost`, or IP addresses.
    #[schemars(extend("default" = "localhost"))]
    host: Option<Hosts>,
    /// The port; 0 lets the system choose.
    #[schemars(extend("default" = 9090))]
    port: Option<Whole<0, 65_535>>,
}

#[cfg(test)]
mod tests;
