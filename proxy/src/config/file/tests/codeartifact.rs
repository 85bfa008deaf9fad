//! `codeartifact`: what it says, and what is wrong with it.

use super::*;
use crate::config::{CodeArtifactUpstream, Format};

/// A repository with this below it.
fn upstream(lines: &str) -> String {
    let lines = indented(lines, 4);
    format!(
        "codeartifact:\n  main:\n    domain: acme\n    domain_owner: \"012345678901\"\n    repository: team\n{lines}"
    )
}

fn read_one(lines: &str) -> CodeArtifactUpstream {
    let [upstream] = <[_; 1]>::try_from(read(&upstream(lines)).codeartifact).expect("one");
    upstream
}

/// One fault, in this column of the first of these lines.
#[track_caller]
fn wrong(lines: &str, column: usize, part: &str) {
    one_fault(&upstream(lines), (&format!("6:{column}"), part));
}

const FALLBACK: &str = "public_fallback:\n  index_url: https://pypi.example/simple\n";

#[test]
fn a_domain_its_owner_and_a_repository_are_all_that_is_needed() {
    let config = read(&upstream(""));
    assert!(!config.serves_containers());
    let [main] = config.codeartifact.as_slice() else {
        panic!("one repository");
    };
    assert_eq!(
        *main,
        CodeArtifactUpstream {
            alias: "main".to_owned(),
            domain: "acme".to_owned(),
            domain_owner: "012345678901".to_owned(),
            region: "us-west-2".to_owned(),
            repository: "team".to_owned(),
            formats: Format::ALL.to_vec(),
            publish: false,
            public_fallback: None,
            token_duration: Duration::from_hours(12),
        }
    );
}

#[test]
fn the_rest_may_be_said() {
    let main =
        read_one("region: eu-central-1\nformats: [npm, pypi]\npublish: yes\ntoken_duration: 1h");
    assert_eq!(main.region, "eu-central-1");
    assert_eq!(main.formats, [Format::Npm, Format::Pypi]);
    assert!(main.publish);
    assert_eq!(main.token_duration, Duration::from_hours(1));
    assert_eq!(read_one("formats: maven").formats, [Format::Maven]);
    assert_eq!(
        read_one("token_duration: 900").token_duration,
        Duration::from_mins(15)
    );
    assert_eq!(read_one("token_duration: 0").token_duration, Duration::ZERO);
}

#[test]
fn names_of_the_fallback_are_normalised() {
    let lines = "  file_hosts: Files.Example\n  names: [Left_Pad, right.pad, left-pad]\n  private_prefixes: [Acme_]";
    let fallback = read_one(&format!("{FALLBACK}{lines}")).public_fallback;
    let fallback = fallback.expect("a fallback");
    assert_eq!(fallback.index_url.as_str(), "https://pypi.example/simple/");
    assert_eq!(fallback.file_hosts, ["files.example"]);
    assert_eq!(fallback.names, ["left-pad", "right-pad"]);
    assert_eq!(fallback.private_prefixes, ["acme-"]);
}

#[test]
fn an_account_is_a_text() {
    let owner = |written: &str| {
        format!("codeartifact:\n  a: {{domain: acme, repository: team, domain_owner: {written}}}\n")
    };
    let number = "is a number, and an account's id is a text";
    for (written, part) in [
        ("012345678901", number),
        ("12345678901", number),
        ("\"12345678901\"", "is not an AWS account's id"),
        ("1234567890123", "is not an AWS account's id"),
        ("acme", "is not an AWS account's id"),
    ] {
        one_fault(&owner(written), ("2:53", part));
    }
    for (written, id) in [
        ("123456789012", "123456789012"),
        ("'000000000001'", "000000000001"),
    ] {
        assert_eq!(read(&owner(written)).codeartifact[0].domain_owner, id);
    }
    let (_folder, path) = written(&owner("12345678901"));
    let faults = FileConfig::read(&path, &vars).expect_err("eleven digits");
    assert_eq!(
        faults.list[0].cure,
        "Write it in quotes, with all of its 12 digits: \"012345678901\"."
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    wrong("region: frankfurt", 13, "`frankfurt` is not a region");
    wrong("formats: [pypi, nuget]", 21, "`nuget` is not a format");
    wrong("formats: []", 14, "no format is named");
    wrong("publish: maybe", 14, "neither true nor false");
    for duration in ["60", "13h", "soon", "-1"] {
        wrong(
            &format!("token_duration: {duration}"),
            21,
            "is no time that a token of CodeArtifact can live",
        );
    }
    wrong(
        "token_duraton: 0",
        5,
        "unknown key `token_duraton` in codeartifact.main",
    );
    one_fault(
        "codeartifact: {Main: {domain: acme, repository: team, domain_owner: \"012345678901\"}}",
        ("1:16", "`Main` is not a name to serve a repository by"),
    );
    let all = faults("codeartifact:\n  a: {domain: Acme, repository: x}\n  b:\n    domain: acme\n");
    assert_eq!(
        all,
        [
            "2:6: codeartifact.a.domain_owner is missing",
            "2:15: codeartifact.a.domain: `Acme` is not a domain of CodeArtifact",
            "2:33: codeartifact.a.repository: `x` is not a repository of CodeArtifact",
            "4:5: codeartifact.b.domain_owner is missing",
            "4:5: codeartifact.b.repository is missing",
        ]
    );
}

#[test]
fn a_fallback_is_never_vague() {
    let with = |lines: &str| format!("{FALLBACK}{lines}");
    let told = |lines: &str| faults(&upstream(lines)).join("\n");
    for (lines, part) in [
        (with(""), "public_fallback.names is missing"),
        (with("  names: []"), "names: no project is named"),
        (with("  names: ','"), "names: no project is named"),
        (with("  names: ['*']"), "`*` is not a Python project's name"),
        (
            with("  names: [acme.tools]\n  private_prefixes: [acme-]"),
            "names[0]: `acme.tools` begins with the private prefix `acme-`",
        ),
        (
            with("  names: [a]\n  private_prefixes: ['']"),
            "is not the beginning of a Python project's name",
        ),
        (
            with("  names: [a]\n  file_hosts: ['https://files.example/']"),
            "`https://files.example/` is not a host",
        ),
        (
            with("  names: [a]\nformats: [npm]"),
            "public_fallback: pypi is not among the formats",
        ),
        (
            "public_fallback: {names: [a]}".to_owned(),
            "public_fallback.index_url is missing",
        ),
    ] {
        assert!(told(&lines).contains(part), "{lines}\n{}", told(&lines));
    }
    let secret =
        told("public_fallback: {names: [a], index_url: 'https://me:hunter2@pypi.example/'}");
    assert!(secret.contains("holds a user or a password"), "{secret}");
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[test]
fn two_names_of_one_repository_say_the_same() {
    let repository = "domain: acme, domain_owner: '012345678901', repository: team";
    let twins =
        |more: &str| format!("codeartifact:\n  a: {{{repository}}}\n  b: {{{repository}{more}}}\n");
    assert_eq!(read(&twins("")).codeartifact.len(), 2);
    one_fault(
        &twins(", publish: true"),
        ("3:3", "codeartifact.b: `a` (line 2) is the same repository"),
    );
    let twice = format!("codeartifact:\n  a: {{{repository}}}\n  a: {{{repository}}}\n");
    one_fault(&twice, ("3:3", "`a`"));
}

#[test]
fn a_file_names_a_service_or_a_repository() {
    for nothing in ["codeartifact: {}\n", "codeartifact:\n", "server: {}\n"] {
        one_fault(nothing, ("1:1", "there is no service"));
    }
    assert!(read(&service("")).serves_containers());
    assert!(read(&format!("server: {{}}\n{}", upstream(""))).serves_containers());
    let (_folder, path) = written("codeartifact: {}\n");
    let config = FileConfig::read_again(&path, &vars).expect("all were taken away");
    assert!(config.codeartifact.is_empty());
}

#[test]
fn a_broken_file_still_seems_to_name_repositories() {
    let (_folder, path) = written(&format!("{}services: [\n", upstream("")));
    assert!(FileConfig::seems_to_name_upstreams(&path));
    write(&path, "services: {}\ncodeartifact:\n");
    assert!(!FileConfig::seems_to_name_upstreams(&path));
    assert!(!FileConfig::seems_to_name_upstreams(Path::new("/absent")));
}
