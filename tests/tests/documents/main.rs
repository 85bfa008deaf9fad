//! The documents tell the truth about the code.

mod agent_words;

use std::collections::BTreeSet;
use std::path::Path;

use tests::workspace_folder;

/// Tests within the crates, which need not keep a promise.
const INNER: [&str; 4] = ["program::", "proxy::", "sso_session::", "sso_watcher::"];

#[test]
fn every_promise_names_a_test_that_exists() {
    let functions = test_functions();
    for (promise, test) in promises() {
        assert!(
            functions.contains(&test),
            "`{promise}` names `{test}`, which is no test"
        );
    }
}

#[test]
fn every_black_box_test_keeps_a_promise() {
    let promised: BTreeSet<_> = promises().into_iter().map(|(_, test)| test).collect();
    let black_box = test_functions()
        .into_iter()
        .filter(|test| !INNER.iter().any(|prefix| test.starts_with(prefix)));
    let unlisted: Vec<_> = black_box.filter(|test| !promised.contains(test)).collect();
    assert!(
        unlisted.is_empty(),
        "not in docs/PROMISES.md:\n{}",
        unlisted.join("\n")
    );
}

#[test]
fn promises_are_told_once() {
    let mut told = BTreeSet::new();
    for (promise, test) in promises() {
        assert!(
            told.insert(promise.clone()),
            "`{promise}` ({test}) is told twice"
        );
    }
}

#[test]
fn the_agents_states_are_drawn_as_its_code_draws_them() {
    let code = read(&workspace_folder().join("sso-watcher/src/decision.rs"));
    let head = code.lines().map_while(|line| line.strip_prefix("//!"));
    let head = head.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let head: Vec<_> = head.collect();
    let head = head.join("\n");
    let drawing = head.split("```").nth(1).expect("a drawing");
    let document = read(&workspace_folder().join("docs/ARCHITECTURE.md"));
    assert!(document.contains(drawing), "not in it:{drawing}");
}

/// The rows of `docs/PROMISES.md`: a sentence, and the path of its test in backticks.
fn promises() -> Vec<(String, String)> {
    let document = read(&workspace_folder().join("docs/PROMISES.md"));
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let promise = cells.next()?;
        let test = cells
            .next()?
            .trim_end_matches(" |")
            .strip_prefix('`')?
            .strip_suffix('`')?;
        Some((promise.to_owned(), test.to_owned()))
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 50, "only {} promises were found", rows.len());
    rows
}

/// `binary::module::function` of every black-box test, and `proxy::…`, `sso_session::…` and so on of
/// what those have of their own.
fn test_functions() -> BTreeSet<String> {
    let root = workspace_folder();
    let mut functions = BTreeSet::new();
    for binary in [
        "serving",
        "caching",
        "sessions",
        "watcher",
        "page",
        "real_clients",
        "numbers",
        "scaling",
        "container",
        "containers",
        "codeartifact",
    ] {
        collect(
            &root.join("tests/tests").join(binary),
            binary,
            &mut functions,
        );
    }
    for (folder, prefix) in [
        ("program/src", "program"),
        ("proxy/src", "proxy"),
        ("proxy/tests", "proxy"),
        ("sso-session/src", "sso_session"),
        ("sso-session/tests", "sso_session"),
        ("sso-watcher/src", "sso_watcher"),
        ("sso-watcher/tests", "sso_watcher"),
    ] {
        collect(&root.join(folder), prefix, &mut functions);
    }
    collect(&root.join("demo/tests"), "demo", &mut functions);
    functions
}

fn collect(folder: &Path, prefix: &str, functions: &mut BTreeSet<String>) {
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    for file in files.flatten() {
        let path = file.path();
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let module = match name.as_deref() {
            Some("main" | "lib" | "mod") | None => prefix.to_owned(),
            Some(name) => format!("{prefix}::{name}"),
        };
        if path.is_dir() {
            collect(&path, &module, functions);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            functions.extend(
                tests_in(&path)
                    .into_iter()
                    .map(|name| format!("{module}::{name}")),
            );
        }
    }
}

/// Names of the functions that follow a test attribute.
fn tests_in(path: &Path) -> Vec<String> {
    let text = read(path);
    let mut names = Vec::new();
    let mut after_attribute = false;
    for line in text.lines().map(str::trim) {
        after_attribute |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let signature = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ");
        if let (true, Some(signature)) = (after_attribute, signature) {
            names.extend(signature.split('(').next().map(str::to_owned));
            after_attribute = false;
        }
    }
    names
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
