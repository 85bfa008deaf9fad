//! What Maven's dependency plugin prints: `dependency:list`, `:tree` and `:resolve-plugins`.
//!
//! ```text
//! [INFO] ----------------< example:greeter >-----------------        a module of the build
//! [INFO]    com.google.guava:guava:jar:31.1-jre:compile -- module x  list
//! [INFO] |  \- g:a:zip:classifier:1.0:test (optional)                tree
//! [INFO]    g:maven-jar-plugin:maven-plugin:3.3.0:runtime            resolve-plugins
//! [INFO]       com.google.inject:guice:jar:no_aop:4.0                the plugin's own
//! ```
//!
//! All else in such a log is not looked at.

use std::collections::BTreeSet;

use super::bounds::Found;
use super::{Entry, ListError};
use crate::artifact::{Coordinates, CoordinatesError};

const EXPECTED: &str = "artifacts as `mvn dependency:list`, `dependency:tree` or \
                        `dependency:resolve-plugins` prints them, such as \
                        [INFO]    group:artifact:jar:version:compile";
const SCOPES: [&str; 6] = ["compile", "provided", "runtime", "test", "system", "import"];

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), ListError> {
    let modules: BTreeSet<_> = text.lines().filter_map(own_module).collect();
    for (index, line) in text.lines().enumerate() {
        let line = without_colours(line);
        let line = without_level(&line);
        let Some((parts, in_tree)) = candidate(line) else {
            continue;
        };
        match of_parts(&parts) {
            None if in_tree => return Err(odd(index, format!("`{}`", parts.join(":")))),
            None => {}
            Some(Err(error)) => return Err(odd(index, error.to_string())),
            Some(Ok(_)) if parts.last() == Some(&"system") => {
                found.leave_out("artifacts of scope `system`, which are files of the machine");
            }
            Some(Ok(coordinates)) => {
                let id = format!("{}:{}", coordinates.group(), coordinates.artifact());
                if modules.contains(&id) {
                    found.leave_out("modules of the build itself");
                } else {
                    found.push(Entry::Module(coordinates))?;
                }
            }
        }
    }
    if found.is_empty() && !text.contains("   none") {
        return Err(ListError::Whole {
            problem: "no artifact is in it".to_owned(),
            expected: EXPECTED,
        });
    }
    Ok(())
}

/// The coordinates of a text in Maven's own form with a scope at its end; `None` if it has none.
pub(super) fn with_scope(text: &str) -> Option<Result<Coordinates, CoordinatesError>> {
    let parts: Vec<_> = text.split(':').collect();
    let has_scope = parts.last().is_some_and(|last| SCOPES.contains(last));
    (has_scope && parts.len() > 4)
        .then(|| of_parts(&parts))
        .flatten()
}

fn odd(index: usize, problem: String) -> ListError {
    ListError::Line {
        line: index + 1,
        problem,
        expected: EXPECTED,
    }
}

/// `group:artifact` of `---< group:artifact >---`.
fn own_module(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("--< ")?;
    let (id, _) = rest.split_once(" >--")?;
    let is_id = id.split(':').count() == 2;
    is_id.then(|| without_colours(id))
}

/// The parts of what may be coordinates, and whether it is a branch of a tree.
fn candidate(line: &str) -> Option<(Vec<&str>, bool)> {
    let text = line.trim_start_matches([' ', '|']);
    let branch = text
        .strip_prefix("+- ")
        .or_else(|| text.strip_prefix("\\- "));
    // At the margin stand the build's own modules, and Maven's words.
    if branch.is_none() && !line.starts_with(' ') {
        return None;
    }
    // A verbose tree repeats in brackets what it has left out.
    let text = branch.unwrap_or(text);
    if text.starts_with('(') {
        return None;
    }
    let word = text.split_whitespace().next()?;
    let parts: Vec<_> = word.split(':').collect();
    (branch.is_some() || parts.len() > 3).then_some((parts, branch.is_some()))
}

fn of_parts(parts: &[&str]) -> Option<Result<Coordinates, CoordinatesError>> {
    let (parts, scope) = match parts.split_last() {
        Some((last, rest)) if SCOPES.contains(last) => (rest, true),
        Some(_) | None => (parts, false),
    };
    let (group, artifact, kind, classifier, version) = match *parts {
        [group, artifact, kind, version] => (group, artifact, kind, None, version),
        [group, artifact, kind, classifier, version] => {
            (group, artifact, kind, Some(classifier), version)
        }
        _ => return None,
    };
    let (implied, extension) = of_type(kind);
    let coordinates = Coordinates::new(group, artifact, version, classifier.or(implied), extension);
    // A log has other lines with colons in them.
    (scope || coordinates.is_ok()).then_some(coordinates)
}

/// Classifier and extension of a type (Maven's "Default Artifact Handlers Reference").
fn of_type(kind: &str) -> (Option<&'static str>, &str) {
    match kind {
        "maven-plugin" | "ejb" | "bundle" | "eclipse-plugin" => (None, "jar"),
        "test-jar" => (Some("tests"), "jar"),
        "ejb-client" => (Some("client"), "jar"),
        "java-source" => (Some("sources"), "jar"),
        "javadoc" => (Some("javadoc"), "jar"),
        other => (None, other),
    }
}

fn without_level(line: &str) -> &str {
    let rest = line.strip_prefix("[INFO]");
    rest.map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest))
}

/// Takes away the sequences `ESC [ … letter` by which terminals show colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_ascii_alphabetic());
        text.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{Format, List, OurHosts, read};

    const LOG: &str = r"[INFO] Scanning for projects...
[INFO] --------------------------< example:greeter >---------------------------
[INFO] Building greeter 1.0
[INFO] --- maven-dependency-plugin:3.5.0:list (default-cli) @ greeter ---
[INFO] The following files have been resolved:
[INFO]    com.google.guava:guava:jar:31.1-jre:compile -- module com.google.common [auto]
[INFO]    example:greeter:test-jar:tests:1.0:test
[INFO]    sun.jdk:tools:jar:1.8:system
[INFO] --- maven-dependency-plugin:3.5.0:tree (default-cli) @ greeter ---
[INFO] example:greeter:jar:1.0
[INFO] +- org.lwjgl:lwjgl:jar:natives-linux:3.3.1:runtime
[INFO] |  \- g:a:test-jar:tests:1:test (optional)
[INFO] |     \- (g:a:jar:1:compile - omitted for duplicate)
[INFO]    org.apache.maven.plugins:maven-jar-plugin:maven-plugin:3.3.0:runtime
[INFO]       com.google.inject:guice:jar:no_aop:4.0
[INFO]       javax.inject:javax.inject:jar:1
[WARNING] a:b:c:d:e
[ERROR]     at x.Y.z(Y.java:10): a: b: c
";

    fn list(text: &str) -> Result<List, ListError> {
        read(text, Some(Format::Maven), &OurHosts::default())
    }

    fn names(list: &List) -> Vec<String> {
        let names = list.entries.iter().map(|entry| match entry {
            Entry::Module(coordinates) => coordinates.to_string(),
            other @ (Entry::File { .. } | Entry::Versions(_)) => panic!("{other:?}"),
        });
        names.collect()
    }

    #[test]
    fn artifacts_are_found_among_all_that_maven_says() {
        assert_eq!(Format::of(LOG), Format::Maven);
        let list = list(LOG).expect("a list");
        assert_eq!(
            names(&list),
            [
                "com.google.guava:guava:31.1-jre",
                "org.lwjgl:lwjgl:3.3.1:natives-linux",
                "g:a:1:tests",
                "org.apache.maven.plugins:maven-jar-plugin:3.3.0",
                "com.google.inject:guice:4.0:no_aop",
                "javax.inject:javax.inject:1",
            ]
        );
        assert_eq!(list.left_out.into_values().collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn colours_and_a_file_without_levels_make_no_difference() {
        let coloured =
            "[\u{1b}[1;34mINFO\u{1b}[m]    g:a:jar:1:compile\u{1b}[36m -- module x\u{1b}[0;1m\n";
        assert_eq!(names(&list(coloured).expect("a list")), ["g:a:1"]);
        let file = "\nThe following files have been resolved:\n   g:a:jar:1:compile\n";
        assert_eq!(names(&list(file).expect("a list")), ["g:a:1"]);
        let tree = "example:greeter:jar:1.0\n\\- g:a:jar:1:compile\n";
        assert_eq!(names(&list(tree).expect("a list")), ["g:a:1"]);
    }

    #[test]
    fn a_log_without_artifacts_and_a_broken_branch_are_faults() {
        for (text, word) in [
            ("[INFO] BUILD FAILURE\n", "no artifact is in it"),
            ("[INFO] +- g:a\n", "line 1: `g:a`"),
            (
                "\n[INFO]    g:a:jar:[1,2):compile\n",
                "line 2: `[1,2)` stands for several",
            ),
        ] {
            let error = list(text).expect_err("a fault").to_string();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(list("[INFO]    none\n").expect("a list").entries, []);
    }
}
