//! What `gradle dependencies` prints: a tree a configuration.
//!
//! ```text
//! compileClasspath - Compile classpath for source set 'main'.
//! +--- com.google.guava:guava:31.1-jre
//! |    \--- com.google.guava:failureaccess:1.0.1 (*)
//! +--- g:a:1.+ -> 1.4
//! +--- g:b -> h:c:2
//! \--- project :library
//! ```

use super::bounds::Found;
use super::{Entry, ListError};
use crate::artifact::{Coordinates, CoordinatesError, is_dynamic};

const EXPECTED: &str = "a dependency as `gradle dependencies` prints it, such as \
                        +--- group:artifact:version";

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), ListError> {
    let nodes = text.lines().enumerate().filter_map(|(index, line)| {
        let node = node(line)?;
        Some((index + 1, node))
    });
    let mut nodes = nodes.peekable();
    if nodes.peek().is_none() && !text.contains("No dependencies") {
        return Err(ListError::Whole {
            problem: "no dependency is in it".to_owned(),
            expected: EXPECTED,
        });
    }
    for (line, node) in nodes {
        add(node, found).map_err(|error| match error {
            AddError::Odd(error) => ListError::Line {
                line,
                problem: error.to_string(),
                expected: EXPECTED,
            },
            AddError::Full(error) => error,
        })?;
    }
    Ok(())
}

enum AddError {
    Odd(CoordinatesError),
    Full(ListError),
}

impl From<CoordinatesError> for AddError {
    fn from(error: CoordinatesError) -> Self {
        Self::Odd(error)
    }
}

impl From<ListError> for AddError {
    fn from(error: ListError) -> Self {
        Self::Full(error)
    }
}

/// What stands behind the branches of the tree.
fn node(line: &str) -> Option<&str> {
    let start = line.find("--- ")?;
    let (branches, node) = line.split_at(start);
    let is_tree = branches.ends_with(['+', '\\'])
        && branches[..branches.len() - 1]
            .chars()
            .all(|character| matches!(character, '|' | ' '));
    is_tree.then(|| node.trim_start_matches("--- ").trim_end())
}

fn add(node: &str, found: &mut Found) -> Result<(), AddError> {
    let (node, mark) = without_mark(node);
    match mark {
        Some("FAILED") => {
            found.leave_out("dependencies that Gradle could not resolve");
            return Ok(());
        }
        // Declared only: it stands once more, resolved, in another configuration.
        Some("(n)" | "(c)") => return Ok(()),
        Some(_) | None => {}
    }
    let (requested, selected) = match node.split_once(" -> ") {
        Some((requested, selected)) => (requested, Some(selected)),
        None => (node, None),
    };
    if selected.unwrap_or(requested).starts_with("project ") {
        found.leave_out("projects of the build itself");
        return Ok(());
    }
    let requested: Vec<_> = requested.splitn(3, ':').collect();
    let module = match (selected, requested.as_slice()) {
        (None, _) => Coordinates::parse(node)?,
        (Some(selected), _) if selected.contains(':') => Coordinates::parse(selected)?,
        (Some(version), &[group, artifact, ..]) => Coordinates::jar(group, artifact, version)?,
        (Some(_), _) => return Err(CoordinatesError::Shape(node.to_owned()).into()),
    };
    if let (Some(_), &[group, artifact, version]) = (selected, requested.as_slice())
        && is_dynamic(version)
        && let Ok(asked) = Coordinates::jar(group, artifact, module.version())
    {
        found.push(Entry::Versions(asked))?;
    }
    Ok(found.push(Entry::Module(module))?)
}

/// Takes away what Gradle says about the node behind it.
fn without_mark(node: &str) -> (&str, Option<&str>) {
    const MARKS: [&str; 4] = ["(*)", "(c)", "(n)", "FAILED"];
    let split = node.rsplit_once(' ');
    match split {
        Some((rest, mark)) if MARKS.contains(&mark) => (rest.trim_end(), Some(mark)),
        Some(_) | None => (node, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{List, OurHosts, read};

    const TREE: &str = r"
compileClasspath - Compile classpath for source set 'main'.
+--- com.google.guava:guava:31.1-jre
|    +--- com.google.guava:failureaccess:1.0.1
|    \--- org.checkerframework:checker-qual -> 3.12.0
+--- g:dynamic:4.13.+ -> 4.13.2 (*)
+--- g:strict:{strictly 1.0} -> 1.0 (c)
+--- g:replaced:1 -> h:other:2
+--- g:broken:1.0 FAILED
+--- g:declared:1.0 (n)
+--- g:included:1 -> project :included
\--- project :library
     \--- g:below:1

(*) - dependencies omitted (listed previously)
";

    fn list(text: &str) -> Result<List, ListError> {
        read(text, None, &OurHosts::default())
    }

    #[test]
    fn what_was_resolved_counts_and_not_what_was_asked_for() {
        let list = list(TREE).expect("a list");
        let named = list.entries.iter().map(|entry| match entry {
            Entry::Module(coordinates) => coordinates.to_string(),
            Entry::Versions(coordinates) => coordinates.metadata().to_string(),
            Entry::File { key, .. } => panic!("{key}"),
        });
        let named: Vec<_> = named.collect();
        assert_eq!(
            named,
            [
                "com.google.guava:guava:31.1-jre",
                "com.google.guava:failureaccess:1.0.1",
                "org.checkerframework:checker-qual:3.12.0",
                "g/dynamic/maven-metadata.xml",
                "g:dynamic:4.13.2",
                "h:other:2",
                "g:below:1",
            ]
        );
        let left_out: Vec<_> = list.left_out.into_values().collect();
        assert_eq!(left_out, [1, 2]);
    }

    #[test]
    fn a_build_without_dependencies_is_no_fault_and_an_odd_line_is_one() {
        assert_eq!(
            list("x - y\nNo dependencies\n").expect("a list").entries,
            []
        );
        for (text, word) in [
            ("a\n+--- g:a", "line 2: `g:a` is not"),
            ("+--- x -> 1", "line 1: `x -> 1`"),
            ("\\--- g:a:1 -> [1,2)", "several versions"),
        ] {
            let error = list(text).expect_err("a fault").to_string();
            assert!(error.contains(word), "{error}");
        }
        let error = read(
            "nothing",
            Some(crate::lists::Format::GradleDependencies),
            &OurHosts::default(),
        );
        assert!(
            error
                .expect_err("a fault")
                .to_string()
                .contains("no dependency is in it")
        );
    }
}
