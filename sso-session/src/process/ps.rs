//! `ps`, as macOS has it. Each column has an `-o` of its own: there, what follows `=` is a header, up to
//! the end of the argument.

use super::program;

pub(super) const PROGRAM: &str = "ps";

/// Such a process has ended.
const ZOMBIE: char = 'Z';

pub(super) fn started(ps: &str, pid: u32) -> Option<String> {
    let arguments = ["-o", "stat=", "-o", "lstart=", "-p", &pid.to_string()];
    let answer = program::output(ps, &arguments)?;
    let (state, started) = answer.trim().split_once(char::is_whitespace)?;
    let words: Vec<_> = started.split_ascii_whitespace().collect();
    (!state.starts_with(ZOMBIE) && !words.is_empty()).then(|| words.join(" "))
}

/// `None` if `ps` does not say.
pub(super) fn has_living_member(ps: &str, group: i32) -> Option<bool> {
    let rows = program::output(ps, &["-A", "-o", "pgid=", "-o", "stat="])?;
    Some(rows.lines().any(|row| is_living_member(row, group)))
}

fn is_living_member(row: &str, group: i32) -> bool {
    let columns = row.trim().split_once(char::is_whitespace);
    columns.is_some_and(|(id, state)| {
        id.parse() == Ok(group) && !state.trim_start().starts_with(ZOMBIE)
    })
}

#[cfg(test)]
mod tests {
    use super::super::program::tests::stand_in;
    use super::*;

    #[test]
    fn a_process_is_found_and_a_zombie_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = r#"case "$*" in
            "-o stat= -o lstart= -p 7") echo "Ss+  Thu Nov  5 16:17:00 2026    " ;;
            "-o stat= -o lstart= -p 8") echo "Z    Thu Nov  5 16:17:00 2026" ;;
            *) exit 1 ;;
        esac"#;
        let ps = stand_in(folder.path(), "ps", script);
        let found = started(&ps, 7);
        assert_eq!(found.as_deref(), Some("Thu Nov 5 16:17:00 2026"));
        assert_eq!(started(&ps, 8), None);
        assert_eq!(started(&ps, 9), None);
        assert_eq!(started("/no/such/ps", 7), None);
    }

    #[test]
    fn a_group_lives_as_long_as_one_that_is_no_zombie() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = r#"[ "$*" = "-A -o pgid= -o stat=" ] &&
            printf '    1 Ss\n   42 Z\n  142 S\n   43 Z+\n   43 R+\n'"#;
        let ps = stand_in(folder.path(), "ps", script);
        let alive = [1, 42, 43, 44, 142].map(|group| has_living_member(&ps, group));
        assert_eq!(alive, [true, false, true, false, true].map(Some));
        assert_eq!(has_living_member("/no/such/ps", 1), None);
    }
}
