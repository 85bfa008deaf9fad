//! What files say, and what is wrong with them.

mod codeartifact;

use std::io::Write as _;

use tempfile::TempDir;

use super::*;

const TOKEN: &str = "a-token-of-the-app-1";
const ARN: &str = "arn:aws:iam::123456789012:role/App";

fn vars(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/dev",
        "PORT" => "4000",
        "ON" => "true",
        "APP_TOKEN" => "token-from-a-variable",
        "SECRET_TEXT" => "s3cr3t with blanks and ümlauts ",
        _ => return None,
    };
    Some(value.to_owned())
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    write(&path, text);
    (folder, path)
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

fn read(text: &str) -> FileConfig {
    let (_folder, path) = written(text);
    FileConfig::read(&path, &vars).unwrap_or_else(|faults| panic!("{text}\n{faults}"))
}

/// `line:column: problem` of each fault.
fn faults(text: &str) -> Vec<String> {
    let (_folder, path) = written(text);
    let faults = FileConfig::read(&path, &vars).expect_err(text);
    assert_eq!(faults.inputs.first(), Some(&path));
    let line = |fault: FileFault| {
        assert!(!fault.cure.is_empty(), "{fault:?}");
        let Place { line, column, .. } = fault.place;
        format!("{line}:{column}: {}", fault.problem)
    };
    faults.list.into_iter().map(line).collect()
}

#[track_caller]
fn one_fault(text: &str, place_and_part: (&str, &str)) {
    let faults = faults(text);
    let [fault] = faults.as_slice() else {
        panic!("one fault:\n{}", faults.join("\n"));
    };
    let (place, part) = place_and_part;
    assert!(fault.starts_with(&format!("{place}: ")), "{fault}");
    assert!(fault.contains(part), "{fault}");
}

/// Each line, so many blanks deeper.
fn indented(lines: &str, blanks: usize) -> String {
    lines.lines().fold(String::new(), |text, line| {
        text + &" ".repeat(blanks) + line + "\n"
    })
}

/// A service with this below it.
fn service(lines: &str) -> String {
    let lines = indented(lines, 4);
    format!("services:\n  app:\n    auth_token: {TOKEN}\n{lines}")
}

fn role(lines: &str) -> RoleConfig {
    let lines = indented(lines, 2);
    let config = read(&service(&format!(
        "assumed_role:\n  RoleArn: {ARN}\n{lines}"
    )));
    config.services[0].role.as_deref().expect("a role").clone()
}

#[track_caller]
fn wrong_role(lines: &str, part: &str) {
    let lines = indented(lines, 2);
    let text = service(&format!("assumed_role:\n  RoleArn: {ARN}\n{lines}"));
    let all = faults(&text).join("\n");
    assert!(all.contains(part), "{lines}\n{all}");
}

#[test]
fn a_token_is_all_that_a_service_needs() {
    let config = read(&service(""));
    let [app] = config.services.as_slice() else {
        panic!("one service");
    };
    assert_eq!(
        (app.name.as_str(), app.token.secret.expose()),
        ("app", TOKEN)
    );
    assert_eq!((&app.source, &app.role), (&SourceConfig::default(), &None));
    assert_eq!((app.place.line, app.place.column), (2, 3));
    assert_eq!(
        (config.server.listen.port, config.server.listen.explicit),
        (1338, false)
    );
    assert!(
        config
            .server
            .listen
            .addresses
            .iter()
            .all(std::net::IpAddr::is_loopback)
    );
    assert_eq!((config.dynamic_services, config.prometheus), (None, None));
    assert_eq!(config.renewal, RenewalConfig::default());
}

#[test]
fn json_is_read_as_well() {
    let json = serde_json::json!({"services": {"app": {"auth_token": TOKEN}}});
    assert_eq!(read(&json.to_string()).services.len(), 1);
}

#[test]
fn the_whole_file_of_credproxy_is_taken_as_it_is() {
    let config = read(
        r#"
x-defaults: &defaults
  RoleSessionName: "shared"
  DurationSeconds: 3600
server: {host: localhost, port: 1338, debug: false, log_health_checks: true}
credentials: {refresh_buffer_seconds: 300, retry_delay: 60, request_timeout: 30}
aws_defaults:
  region: eu-west-1
  iam_profile: {profile_name: base, config_file: /etc/aws/config}
services:
  my-app:
    auth_token: "${fromEnv:APP_TOKEN}"
    source_credentials:
      region: us-west-2
    assumed_role:
      <<: *defaults
      RoleArn: arn:aws:iam::123456789012:role/MyAppRole
  other:
    auth_token: another-token-0123456789
    source_credentials:
      iam_keys:
        aws_access_key_id: AKIAIOSFODNN7EXAMPLE
        aws_secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    assumed_role: {RoleArn: "arn:aws:iam::123456789012:role/Other", ExternalId: 0123}
dynamic_services:
  enabled: true
  directories:
    - path: /credproxy/dynamic
      include_patterns: [".*\\.yaml$", ".*\\.yml$"]
      exclude_patterns: ["^\\..*", ".*~$"]
  reload_interval: 5
metrics:
  prometheus: {enabled: true, host: 127.0.0.1, port: 9090}
"#,
    );
    let [app, other] = config.services.as_slice() else {
        panic!("two services");
    };
    assert_eq!(app.token.secret.expose(), "token-from-a-variable");
    let base = SourceKind::Profile {
        name: "base".to_owned(),
        config_file: Some("/etc/aws/config".into()),
    };
    assert_eq!(
        (app.source.region.as_deref(), &app.source.kind),
        (Some("us-west-2"), &base)
    );
    let role = app.role.as_ref().expect("a role");
    assert_eq!(
        (role.session_name.as_str(), role.duration.as_secs()),
        ("shared", 3600)
    );
    assert_eq!(other.source.region.as_deref(), Some("eu-west-1"));
    assert!(matches!(&other.source.kind, SourceKind::Keys(keys) if keys.session_token.is_none()));
    let role = other.role.as_ref().expect("a role");
    assert_eq!(role.external_id.as_deref(), Some("0123"));
    assert!(config.server.log_health_checks);
    assert_eq!(config.renewal.least_ahead, Some(Duration::from_mins(5)));
    let dynamic = config.dynamic_services.expect("enabled");
    assert_eq!(dynamic.reload_interval, Duration::from_secs(5));
    assert!(
        dynamic.directories[0]
            .files
            .take(Path::new("/credproxy/dynamic/a.yaml"))
    );
    assert!(
        !dynamic.directories[0]
            .files
            .take(Path::new("/credproxy/dynamic/.a.yaml"))
    );
    assert_eq!(config.prometheus.expect("asked for").port, 9090);
}

#[test]
fn all_faults_are_told_at_once_in_their_order_and_without_secrets() {
    let text = r#"sevrices: {}
server:
  port: 90000
  hsot: localhost
services:
  app:
    auth_token: hunter2
    assumed_role:
      RoleArn: "MyRole"
      DurationSeconds: 60
      ExternalId: "my secret id"
  app2:
    auth_token: "${fromEnv:SECRET_TEXT}"
    source_credentials: {region: Frankfurt}
  app3: {auth_token: "${fromEnv:NOWHERE}"}
"#;
    let all = faults(text);
    let expected = [
        "1:1: unknown key `sevrices`",
        "3:9: server.port: `90000` is not a whole number from 0 to 65535",
        "4:3: unknown key `hsot` in server",
        "7:17: services.app.auth_token: its value has 7 characters: that can be guessed",
        "9:16: services.app.assumed_role.RoleArn: `MyRole` is not the ARN of an IAM role",
        "10:24: services.app.assumed_role.DurationSeconds: `60` is not a whole number from 900 to 43200",
        "11:19: services.app.assumed_role.ExternalId: its value does not have",
        "13:17: services.app2.auth_token: its value cannot be sent in a header",
        "14:34: services.app2.source_credentials.region: `Frankfurt` is not a region",
        "15:22: services.app3.auth_token: the variable `NOWHERE` is not set",
    ];
    assert_eq!(all.len(), expected.len(), "{}", all.join("\n"));
    for (fault, expected) in all.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}\n{expected}");
    }
    let (_folder, path) = written(text);
    let shown = FileConfig::read(&path, &vars)
        .expect_err("faults")
        .to_string();
    assert!(shown.contains("Did you mean `services`?"), "{shown}");
    for secret in ["hunter2", "my secret id", "s3cr3t"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_forgotten_blank_shows_no_token() {
    let text = "services:\n  app: {auth_token:hunter2hunter2hunter2, x-a: 1}\n";
    let all = faults(text).join("\n");
    assert!(
        all.contains("`auth_token:…`") && !all.contains("hunter2"),
        "{all}"
    );
    for text in [
        "services: {auth_token:hunter2hunter2hunter2, x-a: 1}\n",
        "services: {a: {assumed_role: {Tags: {a:hunter2: {}}, Policy: {a:hunter2: '${x'}}}}\n",
    ] {
        let all = faults(text).join("\n");
        assert!(!all.contains("hunter2"), "{all}");
    }
    let text = "services:\n  app:\n    auth_token:hunter2hunter2\n    assumed_role: {}\n";
    let all = faults(text).join("\n");
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn no_service_at_all_is_a_fault() {
    for text in [
        "",
        "# nothing\n",
        "~\n",
        "server: {port: 1}\n",
        "services: {}\n",
        "services:\ndynamic_services: {enabled: false}\n",
    ] {
        assert_eq!(faults(text).len(), 1, "{text}");
    }
    assert_eq!(read("dynamic_services: {enabled: true}").services, []);
}

#[test]
fn a_running_proxy_takes_a_file_that_was_emptied_on_purpose() {
    let read_again = |text: &str| {
        let (_folder, path) = written(text);
        FileConfig::read_again(&path, &vars)
    };
    assert_eq!(read_again("services: {}\n").expect("none").services, []);
    for cut_off in [
        "",
        "# nothing\n",
        "server: {port: 1}\n",
        "services:\n",
        "services: {",
        "services: []\n",
    ] {
        read_again(cut_off).expect_err(cut_off);
    }
}

#[test]
fn tokens_are_long_sendable_and_nobody_elses() {
    one_fault(
        "services:\n  a: {auth_token: 0123456789abcdef}\n  b: {auth_token: Bearer 0123456789abcdef}\n",
        ("3:19", "the service `a` (line 2) has the same token"),
    );
    one_fault(
        "services: {a: {}}",
        ("1:15", "services.a.auth_token is missing"),
    );
    one_fault("services:\n  a: {auth_token: ~}\n", ("2:19", "is missing"));
    one_fault(
        "services:\n  a: {auth_token: \"0123456789abcdef\\n\"}\n",
        ("2:19", "cannot be sent"),
    );
    one_fault(
        "services:\n  a: {auth_token: \"${APP_TOKEN_OF_MINE}\"}\n",
        ("2:19", "says not where its value comes from"),
    );
    one_fault(
        &format!("services:\n  a b: {{auth_token: {TOKEN}}}\n"),
        ("2:3", "`a b` is not a service's name"),
    );
}

#[test]
fn a_token_of_a_file_knows_its_file_also_while_it_is_absent() {
    let (folder, path) = written("services: {a: {auth_token: \"${fromFile:token}\"}}\n");
    let token = folder.path().join("token");
    let absent = FileConfig::read(&path, &vars).expect_err("no token yet");
    assert_eq!(absent.inputs, [path.clone(), token.clone()]);
    write(&token, "0123456789abcdef0123456789abcdef\r\n");
    let config = FileConfig::read(&path, &vars).expect("a token");
    assert_eq!(config.inputs, [path, token.clone()]);
    let read = &config.services[0].token;
    assert_eq!(read.secret.expose(), "0123456789abcdef0123456789abcdef");
    assert_eq!(read.file, Some(token));
    assert!(
        !format!("{config:?}").contains("0123456789abcdef"),
        "a secret in Debug"
    );
}

#[test]
fn a_service_beats_the_defaults_whatever_kind_they_are() {
    let profile = "aws_defaults: {region: eu-west-1, iam_profile: {profile_name: base}}\n";
    let keys = "source_credentials:\n  iam_keys: {aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: sEcReT}";
    let config = read(&format!("{profile}{}", service(keys)));
    let source = &config.services[0].source;
    assert!(matches!(source.kind, SourceKind::Keys(_)), "{source:?}");
    assert_eq!(source.region.as_deref(), Some("eu-west-1"));
    let region = "source_credentials: {region: us-gov-west-1}";
    let config = read(&format!("{profile}{}", service(region)));
    let source = &config.services[0].source;
    assert!(matches!(&source.kind, SourceKind::Profile { name, .. } if name == "base"));
    assert_eq!(source.region.as_deref(), Some("us-gov-west-1"));
    let both = service(&format!("{keys}\n  iam_profile: {{profile_name: p}}"));
    one_fault(&both, ("5:17", "iam_profile stands beside it"));
}

#[test]
fn profiles_may_be_called_what_they_are_called() {
    for name in [
        "my.profile",
        "me@company",
        "two words",
        "Ümlaut",
        "on",
        "123",
    ] {
        let text = format!("source_credentials: {{iam_profile: {{profile_name: {name}}}}}");
        let config = read(&service(&text));
        let SourceKind::Profile { name: read, .. } = &config.services[0].source.kind else {
            panic!("a profile");
        };
        assert_eq!(read, name);
    }
    let text = "source_credentials: {iam_profile: {profile_name: \"a\\nb\", config_file: ~/c}}";
    one_fault(
        &service(text),
        ("4:54", "`a\\nb` is not the name of a profile"),
    );
}

#[test]
fn every_parameter_of_assume_role_is_taken() {
    let role = role(
        "RoleSessionName: on
DurationSeconds: 43200
ExternalId: \"a/b:c\"
PolicyArns: [{arn: \"arn:aws:iam::aws:policy/ReadOnlyAccess\"}, \"arn:aws:iam::123456789012:policy/p\"]
Policy:
  Version: 2012-10-17
  Statement:
    - {Effect: Allow, Action: \"s3:*\", Resource: \"arn:aws:s3:::b/${aws:username}\"}
Tags: [{Key: team, Value: build}, {Key: cost, Value: 17}]
TransitiveTagKeys: [team]
SerialNumber: arn:aws:iam::123456789012:mfa/me
TokenCode: 012345
SourceIdentity: me
ProvidedContexts: [{ProviderArn: \"arn:aws:iam::aws:contextProvider/IdentityCenter\", ContextAssertion: abcd}]",
    );
    assert_eq!(
        (role.session_name.as_str(), role.duration.as_secs()),
        ("on", 43_200)
    );
    assert_eq!(role.external_id.as_deref(), Some("a/b:c"));
    assert_eq!(role.policy_arns.len(), 2);
    let policy = role.policy.expect("a policy");
    assert!(policy.contains("\"Version\":\"2012-10-17\""), "{policy}");
    assert!(policy.contains("${aws:username}"), "{policy}");
    let tags = [("team", "build"), ("cost", "17")].map(|(key, value)| (key.into(), value.into()));
    assert_eq!(role.tags, tags);
    assert_eq!(role.transitive_tag_keys, ["team"]);
    assert_eq!(role.token_code.as_deref(), Some("012345"));
    assert_eq!(role.source_identity.as_deref(), Some("me"));
    assert_eq!(role.provided_contexts.len(), 1);
    let role = self::role("Tags: {team: build}\nPolicy: '{\"Version\": \"2012-10-17\"}'");
    assert_eq!(role.tags, [("team".to_owned(), "build".to_owned())]);
    assert_eq!(role.duration, Duration::from_hours(1));
    assert_eq!(role.session_name, "bazel-proxy-app");
}

#[test]
fn parameters_are_held_to_the_bounds_of_aws() {
    let many = |item: &str, count: usize| vec![item; count].join(", ");
    for (lines, part) in [
        ("RoleSessionName: a", "2 to 64 characters"),
        ("RoleSessionName: a b", "2 to 64 characters"),
        ("DurationSeconds: 899", "from 900 to 43200"),
        ("DurationSeconds: \"3600\"", "is a text where"),
        ("DurationSeconds: an hour", "is not a whole number"),
        ("ExternalId: a", "2 to 1224 characters"),
        ("SourceIdentity: aws:me", "begins with `aws:`"),
        ("TokenCode: 12345", "6 to 6 characters"),
        ("TokenCode: 123456", "no SerialNumber beside it"),
        (
            "SerialNumber: arn:aws:iam::123456789012:mfa/me",
            "no TokenCode beside it",
        ),
        ("TransitiveTagKeys: [team]", "`team` is no key of Tags"),
        (
            "Tags: {team: x}\nTransitiveTagKeys: [Team, cost]",
            "`cost` is no key of Tags",
        ),
        ("Policy: '{'", "no policy in JSON"),
        ("Policy: '[]'", "no policy in JSON"),
        ("Policy: [a]", "a list is no policy"),
        (
            "PolicyArns: [ReadOnlyAccess]",
            "not the ARN of a managed policy",
        ),
        ("PolicyArns: [{Arn: x}]", "PolicyArns[0].arn is missing"),
        ("Tags: {aws:team: x}", "begins with `aws:`"),
        ("Tags: {team: x, Team: y}", "stands there twice"),
        ("Tags: [{Key: team}]", "Tags[0].Value is missing"),
        ("Tags: team", "a single value stands where a list"),
        (
            "ProvidedContexts: [{ProviderArn: short, ContextAssertion: abcd}]",
            "20 to 2048",
        ),
        ("RolArn: x", "unknown key `RolArn`"),
    ] {
        wrong_role(lines, part);
    }
    let arn = "\"arn:aws:iam::aws:policy/ReadOnlyAccess\"";
    wrong_role(
        &format!("PolicyArns: [{}]", many(arn, 11)),
        "more than AWS takes",
    );
    wrong_role(
        &format!("TransitiveTagKeys: [{}]", many("a", 51)),
        "more than AWS takes",
    );
    wrong_role(
        &format!("Policy: {{Id: {}}}", "x".repeat(2048)),
        "more than STS takes",
    );
}

#[test]
fn an_external_id_and_a_code_are_not_in_what_is_written_of_a_role() {
    let lines = "ExternalId: ext-1234\nSerialNumber: GAHT12345678\nTokenCode: '123457'";
    let written = format!("{:?}", role(lines));
    assert!(written.contains(ARN), "{written}");
    for secret in ["ext-1234", "123457"] {
        assert!(!written.contains(secret), "{written}");
    }
}

#[test]
fn allowed_roles_are_whole_roles_or_arns_alone() {
    let text = format!(
        "assumed_role: {{RoleArn: \"{ARN}\", ExternalId: ext}}\nallowed_roles:\n  - arn:aws-cn:iam::123456789012:role/Second\n  - {{RoleArn: \"arn:aws:iam::210987654321:role/Third\"}}"
    );
    let config = read(&service(&text));
    let [second, third] = config.services[0].allowed_roles.as_slice() else {
        panic!("two roles");
    };
    assert_eq!(second.role_arn, "arn:aws-cn:iam::123456789012:role/Second");
    assert_eq!(second.external_id.as_deref(), Some("ext"));
    assert_eq!(
        (third.external_id.as_ref(), third.session_name.as_str()),
        (None, "bazel-proxy-app")
    );
    let twice = format!("assumed_role: {{RoleArn: \"{ARN}\"}}\nallowed_roles: [\"{ARN}\"]");
    one_fault(&service(&twice), ("5:21", "has that role already"));
}

#[test]
fn other_machines_are_served_only_when_the_file_says_so() {
    let server = |lines: &str| format!("server: {{{lines}}}\n{}", service(""));
    one_fault(
        &server("host: 0.0.0.0"),
        ("1:16", "0.0.0.0 can be reached from other machines"),
    );
    one_fault(
        &server("host: [127.0.0.1, \"::\"]"),
        ("1:16", ":: can be reached"),
    );
    one_fault(
        &server("host: 169.254.170.2, allow_non_loopback: no"),
        ("1:16", "can be reached"),
    );
    one_fault(
        &server("host: example.com"),
        ("1:16", "`example.com` is no IP address"),
    );
    let told = read(&server(
        "host: \"0.0.0.0,::\", allow_non_loopback: yes, port: 0",
    ))
    .server;
    assert_eq!(
        (
            told.listen.addresses.len(),
            told.listen.port,
            told.listen.explicit
        ),
        (2, 0, true)
    );
    let tls = read(&server(
        "host: 0.0.0.0, tls: {certificate_file: c.pem, key_file: /k.pem}",
    ));
    let tls = tls.server.tls.expect("tls");
    assert!(tls.certificate_file.is_absolute() && tls.certificate_file.ends_with("c.pem"));
    one_fault(
        &server("tls: {key_file: k}"),
        ("1:15", "server.tls.certificate_file is missing"),
    );
    let hosts = read(&server("allowed_hosts: [credentials, proxy.internal]")).server;
    assert_eq!(hosts.allowed_hosts, ["credentials", "proxy.internal"]);
    one_fault(
        &server("allowed_hosts: [\"http://x/\"]"),
        ("1:26", "`http://x/` is not a name"),
    );
}

#[test]
fn where_a_proxy_listens_is_understood_also_in_a_broken_file() {
    let server = "server: {host: 127.0.0.2, port: 4711}\n";
    let good = service("");
    for broken in [
        format!("{server}{}", good.replace("auth_token", "auht_token")),
        format!("{server}{good}  b: [\n"),
        format!("{server}services: {{app: {{auth_token: ${{TOKEN}}}}}}\n"),
        format!("services:\n  app: {{}}\n{server}x: 1\n"),
        "server: {host: 127.0.0.2, prot: 1, port: 4711}\n".to_owned(),
        server.to_owned(),
    ] {
        faults(&broken);
        let (_folder, path) = written(&broken);
        let listen = ServerConfig::guess(&path, &vars).listen;
        let address = (listen.addresses[0].to_string(), listen.port);
        assert_eq!(address, ("127.0.0.2".to_owned(), 4711), "{broken}");
    }
    for none in ["", "server: 1\n", "[", "server: {port: x}\n"] {
        let (_folder, path) = written(none);
        let listen = ServerConfig::guess(&path, &vars).listen;
        assert_eq!(listen, read(&good).server.listen, "{none}");
    }
    let absent = ServerConfig::guess(Path::new("/nowhere/config.yaml"), &vars);
    assert_eq!(absent.listen.port, 1338);
}

#[test]
fn numbers_and_booleans_may_come_from_outside_but_not_from_quotes() {
    let server = |lines: &str| format!("server:\n{lines}\n{}", service(""));
    let read = read(&server("  port: ${fromEnv:PORT}\n  debug: ${fromEnv:ON}")).server;
    assert_eq!((read.listen.port, read.debug), (4000, true));
    one_fault(
        &server("  port: \"4000\""),
        ("2:9", "is a text where a whole number"),
    );
    one_fault(
        &server("  debug: \"on\""),
        ("2:10", "is a text where true or false"),
    );
    one_fault(
        &server("  port: ${fromEnv:ON}"),
        ("2:9", "server.port: its value is not a whole"),
    );
    one_fault(&server("  port: [1]"), ("2:9", "a list stands where"));
}

#[test]
fn dynamic_services_are_taken_in_all_their_forms() {
    let read = |lines: &str| {
        let config = read(&format!("dynamic_services:\n  enabled: on\n{lines}"));
        config.dynamic_services.expect("enabled")
    };
    assert_eq!(
        read("").directories[0].path,
        Path::new("/credproxy/dynamic")
    );
    let one = read("  directory: /d\n  file_pattern: '*.yaml'\n  watcher_stop_timeout: 5\n");
    assert_eq!(one.directories[0].path, Path::new("/d"));
    assert!(one.directories[0].files.glob.is_some());
    let several = read(
        "  directories: [/a, {path: ~/b, include_patterns: ['^b']}]\n  include_patterns: ['^a']\n",
    );
    let [a, b] = several.directories.as_slice() else {
        panic!("two folders");
    };
    assert!(a.files.take(Path::new("/a/a.yaml")) && !a.files.take(Path::new("/a/b.yaml")));
    assert_eq!(b.path, Path::new("/home/dev/b"));
    assert!(b.files.take(Path::new("/b/b.yaml")) && !b.files.take(Path::new("/b/a.yaml")));
    let none =
        read("  directories: [{path: /a, include_patterns: [''], exclude_patterns: ['']}]\n");
    assert_eq!(none.directories[0].files, FilePatterns::default());
    let dynamic = |lines: &str| format!("dynamic_services:\n  enabled: true\n{lines}");
    one_fault(
        &dynamic("  include_patterns: ['(']\n"),
        ("3:22", "is not a pattern"),
    );
    one_fault(
        &dynamic("  exclude_patterns: ['a(?!b)']\n"),
        ("3:22", "look-around"),
    );
    one_fault(
        &dynamic("  file_pattern: '[a'\n"),
        ("3:17", "is not a pattern"),
    );
    one_fault(
        &dynamic("  directories: []\n"),
        ("3:16", "no folder is named"),
    );
    one_fault(
        &dynamic("  directory: a\n  directories: [b]\n"),
        ("4:16", "directory stands beside it"),
    );
    one_fault(&dynamic("  reload_interval: 0\n"), ("3:20", "from 1 to 60"));
}

#[test]
fn metrics_have_a_listener_where_the_file_asks_for_one() {
    let of = |lines: &str| read(&format!("{lines}\n{}", service(""))).prometheus;
    assert_eq!(of("metrics: {}"), None);
    assert_eq!(of("metrics: {prometheus: {enabled: false}}"), None);
    for asked in ["metrics: {prometheus: {}}", "metrics:\n  prometheus:"] {
        let listen = of(asked).expect("a listener");
        assert_eq!(listen.port, 9090);
        assert!(listen.addresses.iter().all(std::net::IpAddr::is_loopback));
    }
    let told = of("metrics: {prometheus: {host: 0.0.0.0, port: 0}}").expect("a listener");
    assert_eq!((told.addresses.len(), told.port), (1, 0));
    let same = format!("metrics: {{prometheus: {{port: 1338}}}}\n{}", service(""));
    one_fault(&same, ("1:30", "1338 is server.port already"));
}

#[test]
fn what_an_alias_stands_for_is_told_once() {
    let text = format!(
        "x-role: &role {{RoleArn: wrong}}\nservices:\n  a: {{auth_token: {TOKEN}, assumed_role: *role}}\n  b: {{auth_token: {TOKEN}2, assumed_role: *role}}\n"
    );
    let all = faults(&text);
    assert!(
        all.iter().all(|fault| fault.starts_with("1:25: ")),
        "{}",
        all.join("\n")
    );
}

#[test]
fn a_file_full_of_faults_is_told_of_in_part() {
    let keys: Vec<_> = (0..5_000).map(|number| format!("key{number}: 1")).collect();
    let keys = keys.join("\n");
    let all = faults(&keys);
    assert_eq!(all.len(), 201);
    assert!(
        all[200].ends_with(": 4801 more faults are not told"),
        "{}",
        all[200]
    );
}

#[test]
fn files_that_cannot_be_read_are_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent.yaml");
    for path in [absent.as_path(), folder.path()] {
        let faults = FileConfig::read(path, &vars).expect_err("no file");
        assert!(faults.to_string().contains("cannot be read"), "{faults}");
    }
    let (_folder, path) = written("");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(b"a: 1\nb: \xff\n").expect("written");
    let faults = FileConfig::read(&path, &vars).expect_err("no UTF-8");
    assert!(
        faults
            .to_string()
            .contains("config.yaml:2:1: this line is not UTF-8"),
        "{faults}"
    );
}

mod dynamic_files {
    use super::*;

    fn read(name: &str, text: &str) -> Result<ServicesFile, FileFaults> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        write(&path, text);
        let defaults = SourceConfig {
            region: Some("eu-west-1".to_owned()),
            kind: SourceKind::Own,
        };
        ServicesFile::read(&path, &defaults, &vars)
    }

    fn names(file: &ServicesFile) -> Vec<&str> {
        file.services
            .iter()
            .map(|service| service.name.as_str())
            .collect()
    }

    #[test]
    fn hold_several_services_or_the_body_of_one() {
        let several = format!(
            "x-note: {{a: 1}}\nservices:\n  a: {{auth_token: {TOKEN}}}\n  b: {{auth_token: {TOKEN}2}}\n"
        );
        let several = read("any.yaml", &several).expect("services");
        assert_eq!(names(&several), ["a", "b"]);
        assert_eq!(
            several.services[0].source.region.as_deref(),
            Some("eu-west-1")
        );
        let body = format!("auth_token: {TOKEN}\nassumed_role: {{RoleArn: \"{ARN}\"}}\nx-a: 1\n");
        assert_eq!(
            names(&read("my-app.yaml", &body).expect("a service")),
            ["my-app"]
        );
        let json = format!("{{\"auth_token\": \"{TOKEN}\"}}");
        assert_eq!(names(&read("app.json", &json).expect("a service")), ["app"]);
        let none = read("any.yaml", "services: {}\n").expect("emptied on purpose");
        assert!(none.services.is_empty());
    }

    #[test]
    fn refuse_what_belongs_elsewhere() {
        for (name, text, part) in [
            ("a.yaml", "services:\n", "services is missing"),
            ("a.yaml", "", "the file is empty"),
            ("a.yaml", "- a\n", "a list stands where a mapping"),
            ("a.yaml", "auth_token: short\n", "has 5 characters"),
            (
                "my app.yaml",
                "auth_token: 0123456789abcdef\n",
                "`my app` is not a service's name",
            ),
            (
                "a.yaml",
                "services: {a: {auth_token: 0123456789abcdef}}\nserver: {}\n",
                "unknown key `server`",
            ),
        ] {
            let faults = read(name, text).expect_err(text).to_string();
            assert!(faults.contains(part), "{text}\n{faults}");
        }
    }
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of which YAML and configurations are made.
    const PIECES: [&str; 48] = [
        "services:",
        "app:",
        "auth_token: ",
        "${fromEnv:SECRET_TEXT}",
        "${fromEnv:APP_TOKEN}",
        "${",
        "}",
        "{",
        "[",
        "]",
        ", ",
        ": ",
        "- ",
        "? ",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "|",
        ">-",
        "\"",
        "'",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "assumed_role:",
        "RoleArn: arn:aws:iam::123456789012:role/r",
        "Tags: ",
        "Policy: ",
        "server: ",
        "host: 0.0.0.0",
        "port: 1",
        "dynamic_services: ",
        "enabled: true",
        "metrics: ",
        "0123456789abcdef",
        "x-a: ",
        "~",
        "\t",
        "\r",
        "\u{85}",
        "ü\u{2028}",
    ];

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![8 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => ".{0,3}"];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// A whole configuration with any names and values in its places; and one service's body of it.
    fn filled(name: &str, key: &str, value: &str) -> [String; 2] {
        let body = serde_json::json!({
            "auth_token": TOKEN,
            "assumed_role": {
                "RoleArn": ARN,
                key: value,
                "Tags": {value: value},
                "TransitiveTagKeys": [value],
                "PolicyArns": [value],
            },
            "allowed_roles": [value, {"RoleArn": value}],
            "source_credentials": {"region": value, "iam_profile": {"profile_name": value}},
        });
        let whole = serde_json::json!({
            "server": {"host": value, "allowed_hosts": [value]},
            "services": {name: body, value: body},
            "dynamic_services": {"enabled": true, "include_patterns": [value], "file_pattern": value},
        });
        [whole.to_string(), body.to_string()]
    }

    fn check(text: &str, faults: &FileFaults) -> Result<(), TestCaseError> {
        prop_assert!(!faults.list.is_empty());
        for fault in &faults.list {
            let Place { line, column, .. } = fault.place;
            let ends = text.matches(['\n', '\r']).count();
            prop_assert!((1..=ends + 2).contains(&line), "{fault:?}");
            // In a line that begins with `%`, the scanner counts bytes.
            prop_assert!((1..=text.len() + 2).contains(&column), "{fault:?}");
            prop_assert!(!fault.problem.contains(char::is_control), "{fault:?}");
            prop_assert!(!fault.problem.contains("s3cr3t"), "{fault:?}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn is_a_configuration_or_has_faults_with_places_in_it(text in texts()) {
            let (_folder, path) = written(&text);
            let file = FileConfig::read(&path, &vars).err();
            let services = ServicesFile::read(&path, &SourceConfig::default(), &vars).err();
            for faults in [file, services].into_iter().flatten() {
                check(&text, &faults)?;
            }
            let listen = ServerConfig::guess(&path, &vars).listen;
            prop_assert!(!listen.addresses.is_empty(), "{listen:?}");
        }

        /// What random pieces hardly ever come to: names and values deep in a file that is sound otherwise.
        #[test]
        fn may_stand_anywhere_in_a_configuration(
            name in "[a-z_ üß€😀-]{0,140}",
            key in prop::sample::select(vec![
                "RoleSessionName", "ExternalId", "Policy", "SerialNumber", "TokenCode",
                "SourceIdentity", "DurationSeconds", "x-any",
            ]),
            value in "\\PC{0,80}|[a-z$ü{}:.]{0,80}",
        ) {
            let [whole, body] = filled(&name, key, &value);
            let (folder, path) = written(&whole);
            if let Err(faults) = FileConfig::read(&path, &vars) {
                check(&whole, &faults)?;
            }
            let stem: String = name.chars().take(60).collect();
            let path = folder.path().join(format!("{stem}.yaml"));
            write(&path, &body);
            if let Err(faults) = ServicesFile::read(&path, &SourceConfig::default(), &vars) {
                check(&body, &faults)?;
            }
        }
    }
}
