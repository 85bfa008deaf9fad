//! `/proc/<pid>/stat`, as Linux writes it (proc(5)).

use std::fs;
use std::path::Path;

/// What one line says of a process that has not ended.
#[derive(Debug, PartialEq, Eq)]
struct Living {
    group: i32,
    /// In ticks since the boot.
    started: String,
}

pub(super) fn are_there() -> bool {
    Path::new("/proc/self/stat").exists()
}

pub(super) fn started(pid: u32) -> Option<String> {
    living(&format!("/proc/{pid}/stat")).map(|process| process.started)
}

pub(super) fn has_living_member(group: i32) -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut members = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let pid: u32 = name.parse().ok()?;
        living(&format!("/proc/{pid}/stat"))
    });
    members.any(|process| process.group == group)
}

/// Reads one line. A program's name may be no text at all, and may hold parentheses.
fn living(path: &str) -> Option<Living> {
    let bytes = fs::read(path).ok()?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(line: &str) -> Option<Living> {
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    // Field 22 of all, counted from 1; the group was the fifth.
    let started = fields.nth(16)?.to_owned();
    let has_ended = ["Z", "X", "x"].contains(&state);
    (!has_ended).then_some(Living { group, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_program_is_called() {
        let rest = "1 77 77 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 9 9";
        let living = |state: &str| parse(&format!("4711 (a) Z (b) {state} {rest}\n"));
        let expected = Living {
            group: 77,
            started: "123456".to_owned(),
        };
        assert_eq!(living("S"), Some(expected));
        assert_eq!(living("Z"), None);
        assert_eq!(parse("4711 (a) S 1 77"), None);
        assert_eq!(parse(""), None);
    }
}
