//! The tables of variables, `.env.example` and the README say the same.

use std::collections::BTreeMap;

use bazel_proxy::config::{self, Config};
use sso_watcher::platform::Platform;
use sso_watcher::settings::{self, Settings};
use tests::workspace_folder;

fn read(name: &str) -> String {
    let read = std::fs::read_to_string(workspace_folder().join(name));
    read.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `NAME=value` lines of the example, commented out or not.
fn assignments(example: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    example.lines().enumerate().filter_map(|(number, line)| {
        let line = line.strip_prefix('#').unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then_some((number, name, value))
    })
}

/// What docker-compose.yml alone reads, with its defaults.
fn of_the_container() -> BTreeMap<&'static str, &'static str> {
    let compose = read("docker-compose.yml");
    let variables = [
        ("PROXY_UID", "1000"),
        ("PROXY_GID", "1000"),
        ("PROXY_IMAGE", "bazel-proxy:local"),
    ];
    for (name, default) in variables {
        assert!(
            compose.contains(&format!("${{{name}:-{default}}}")),
            "{name}"
        );
    }
    variables.into()
}

/// The default of each variable of either program, and of the container.
fn defaults() -> BTreeMap<&'static str, &'static str> {
    let mut defaults = of_the_container();
    for variable in config::VARIABLES.iter().chain(settings::VARIABLES) {
        let known = defaults.insert(variable.name, variable.default);
        let is_one = known.is_none_or(|known| known == variable.default);
        assert!(is_one, "{} has two defaults", variable.name);
    }
    defaults
}

#[test]
fn the_example_env_file_lists_every_variable_with_meaning_and_default() {
    let example = read(".env.example");
    let lines: Vec<_> = example.lines().collect();
    let mut listed = BTreeMap::new();
    for (number, name, value) in assignments(&example) {
        assert_eq!(
            listed.insert(name, value),
            None,
            "{name} stands there twice"
        );
        let above = number.checked_sub(1).map_or("", |above| lines[above]);
        assert!(above.starts_with("# "), "{name} has no comment above it");
    }
    for (name, default) in defaults() {
        let value = listed.remove(name);
        let value = value.unwrap_or_else(|| panic!("{name} is missing"));
        match name {
            "S3_BUCKET_NAME" => assert!(!value.is_empty(), "an example of a bucket"),
            "CACHE_DIR" | "SSO_SIGNAL_FILE" => {
                assert_eq!(value, "", "the default is said in words");
            }
            _ => assert_eq!(value, default, "{name}"),
        }
    }
    assert_eq!(listed, BTreeMap::new(), "unknown variables");
}

#[test]
fn every_line_of_the_example_env_file_can_be_used() {
    let example = read(".env.example");
    let lines = assignments(&example).map(|(_, name, value)| format!("{name}={value}"));
    let uncommented = lines.collect::<Vec<_>>().join("\n");
    let parsed: Vec<_> = dotenvy::from_read_iter(uncommented.as_bytes())
        .collect::<Result<_, _>>()
        .expect("every line parses");
    let vars = |wanted: &str| {
        let home = (wanted == "HOME").then(|| "/home/dev".to_owned());
        let found = parsed.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).or(home)
    };
    Config::from_vars(&vars).expect("the example is a valid configuration");
    Settings::from_vars(&vars, Platform::Linux).expect("and the host's agent can use it");
    dotenvy::from_read_iter(example.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .expect("the file itself parses");
}

#[test]
fn the_readme_lists_every_variable_with_its_default_and_meaning() {
    let readme = read("README.md");
    for (name, variables) in [
        ("variables", config::VARIABLES),
        ("watcher-variables", settings::VARIABLES),
    ] {
        let begin = format!("<!-- {name}:begin -->");
        let (_, rest) = readme.split_once(&begin).expect("a table of variables");
        let end = format!("<!-- {name}:end -->");
        let (table, _) = rest.split_once(&end).expect("its end");
        let rows: Vec<_> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        for (variable, row) in variables.iter().zip(&rows) {
            let default = if variable.default.is_empty() {
                "–"
            } else {
                variable.default
            };
            let expected = format!("| `{}` | {default} | {} |", variable.name, variable.meaning);
            let plain = row.replace('`', "");
            assert_eq!(plain, expected.replace('`', ""));
        }
        assert_eq!(rows.len(), variables.len(), "{name}");
    }
}
