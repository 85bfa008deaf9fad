//! The schema is published as it is, and knows the keys that are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::reader::Reading;
use super::super::{FileConfig, yaml};
use super::*;

/// The keys of each mapping, by its path: `services.*.assumed_role`, `Tags[]`.
type Keys = BTreeMap<String, BTreeSet<String>>;

/// Holds every mapping that there is, once.
const WHOLE_FILE: &str = r#"
server:
  tls: {certificate_file: c, key_file: k}
credentials: {}
aws_defaults:
  iam_profile: {profile_name: base}
services:
  app:
    auth_token: 0123456789abcdef
    source_credentials:
      iam_profile: {profile_name: other}
    assumed_role: &role
      RoleArn: arn:aws:iam::123456789012:role/One
      PolicyArns: [{arn: "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
      Tags: [{Key: a, Value: b}]
      ProvidedContexts: [{ProviderArn: "arn:aws:iam::aws:contextProvider/X", ContextAssertion: abcd}]
    allowed_roles:
      - <<: *role
        RoleArn: arn:aws:iam::123456789012:role/Two
  keys:
    auth_token: fedcba9876543210
    source_credentials:
      iam_keys: {aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: secret}
dynamic_services:
  directories: [{path: a}]
codeartifact:
  main:
    domain: acme
    domain_owner: "012345678901"
    repository: main
    public_fallback: {index_url: "https://pypi.example/simple/", names: [left-pad]}
metrics:
  prometheus: {}
"#;

fn keys_that_are_read(text: &str, keys: &mut Keys) {
    let (tree, faults) = yaml::parse(text);
    assert_eq!(faults, []);
    let tree = tree.expect("a document");
    let vars = |_: &str| None;
    let mut reading = Reading::new(Path::new("config.yaml"), &vars);
    FileConfig::of(&mut reading, &tree, false).expect("a configuration");
    for (path, asked) in std::mem::take(&mut reading.asked) {
        let names = asked.into_iter().map(str::to_owned);
        keys.entry(normal(&path)).or_default().extend(names);
    }
    reading.finish(Some(())).expect("no fault");
}

/// Without the names of services and repositories, and the numbers of items.
fn normal(path: &str) -> String {
    let mut parts: Vec<_> = path.split('.').map(str::to_owned).collect();
    if parts.len() > 1 && matches!(&*parts[0], "services" | "codeartifact") {
        "*".clone_into(&mut parts[1]);
    }
    for part in &mut parts {
        if let Some((name, _)) = part.split_once('[') {
            *part = format!("{name}[]");
        }
    }
    parts.join(".")
}

fn keys_of_the_schema(root: &Value, node: &Value, path: &str, keys: &mut Keys) {
    if let Some(reference) = node["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let target = root.pointer(pointer).expect("a definition");
        keys_of_the_schema(root, target, path, keys);
    }
    for several in ["anyOf", "allOf", "oneOf"] {
        for one in node[several].as_array().into_iter().flatten() {
            // What only asks for keys describes none.
            if one.get("required").is_none() || one.get("type").is_some() {
                keys_of_the_schema(root, one, path, keys);
            }
        }
    }
    let join = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    if let Some(properties) = node["properties"].as_object() {
        assert_eq!(node["additionalProperties"], false, "{path}");
        assert_eq!(node["patternProperties"], extensions(), "{path}");
        let names = properties.keys().cloned();
        keys.entry(path.to_owned()).or_default().extend(names);
        for (key, value) in properties {
            let described = value["description"].is_string() || value.get("allOf").is_some();
            assert!(described || value.get("anyOf").is_some(), "{path}.{key}");
            keys_of_the_schema(root, value, &join(key), keys);
        }
    }
    for (pattern, value) in node["patternProperties"].as_object().into_iter().flatten() {
        if pattern != "^x-" {
            keys_of_the_schema(root, value, &join("*"), keys);
        }
    }
    if node["items"].is_object() {
        keys_of_the_schema(root, &node["items"], &format!("{path}[]"), keys);
    }
}

#[test]
fn the_schema_knows_the_keys_that_are_read_and_no_others() {
    let mut read = Keys::new();
    keys_that_are_read(WHOLE_FILE, &mut read);
    let other_kind = WHOLE_FILE
        .replace("aws_defaults:\n  iam_profile: {profile_name: base}", "x-keys: &defaults {iam_keys: {aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: secret}}\naws_defaults: *defaults");
    assert_ne!(other_kind, WHOLE_FILE);
    keys_that_are_read(&other_kind, &mut read);
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    let mut described = Keys::new();
    keys_of_the_schema(&schema, &schema, "", &mut described);
    assert_eq!(described, read);
    assert!(described.len() > 20, "{}", described.len());
}

#[test]
fn the_published_schema_is_the_one_of_these_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/config-schema.json");
    let published = std::fs::read_to_string(&path).expect("the published schema");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    assert!(
        parsed(&published) == parsed(&schema()),
        "docs/config-schema.json is not what the types say: \
         run `cargo run -p bazel-proxy -- schema > docs/config-schema.json`"
    );
}
