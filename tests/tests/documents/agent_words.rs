//! The README explains what the agent says, in the agent's own words.

use std::path::Path;

use tests::workspace_folder;

/// The part of the README, and what comes after it.
const BEGIN: &str = "### What it says, and what it means";
const END: &str = "\n## ";

/// Shorter pieces are in every text.
const TELLING: usize = 8;

#[test]
fn the_readme_quotes_the_agent_as_it_speaks() {
    let source = source();
    let quotes = quotes();
    assert!(quotes.len() > 40, "only {} quotes were found", quotes.len());
    for quote in quotes {
        for piece in quote.split('…').map(str::trim) {
            assert!(
                piece.len() < TELLING || source.contains(piece),
                "nothing says {piece:?}, of {quote:?}"
            );
        }
    }
}

/// What stands in backticks in the first cell of each row.
fn quotes() -> Vec<String> {
    let readme = super::read(&workspace_folder().join("README.md"));
    let (_, part) = readme.split_once(BEGIN).expect("the part is there");
    let (part, _) = part.split_once(END).expect("and ends");
    let cells = part.lines().filter_map(|row| {
        let cell = row.strip_prefix("| ")?;
        cell.split(" | ").next()
    });
    cells.flat_map(in_backticks).collect()
}

/// A quote with backticks of its own stands between two of them.
fn in_backticks(cell: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), cell);
    while let Some(start) = rest.find('`') {
        let fence = if rest[start..].starts_with("``") {
            "``"
        } else {
            "`"
        };
        let inner = &rest[start + fence.len()..];
        let Some(end) = inner.find(fence) else { break };
        found.push(inner[..end].trim().to_owned());
        rest = &inner[end + fence.len()..];
    }
    found
}

/// All of the source of the agent, and of the contract that it quotes, with each text in one line.
fn source() -> String {
    let mut text = String::new();
    for folder in ["sso-watcher/src", "sso-session/src"] {
        collect(&workspace_folder().join(folder), &mut text);
    }
    text.split("\\\n").map(str::trim_start).collect()
}

fn collect(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&super::read(&path));
        }
    }
}
