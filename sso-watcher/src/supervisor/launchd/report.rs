//! What `launchctl print gui/UID/LABEL` says of a job. Pure.
//!
//! Apple calls this output "not API": the three lines below have been as they are since OS X 10.10. Blocks
//! within the job's own (endpoints, event triggers) have lines of the same names, which do not count.

use crate::supervisor::proof::Sight;

/// Reads a report; what it does not say is not so.
pub(super) fn read(text: &str) -> Sight {
    let mut sight = Sight::default();
    for (name, value) in own_lines(text) {
        match name {
            "state" => sight.is_running = value == "running",
            "pid" => sight.pid = value.parse().ok(),
            "last exit code" => sight.last_exit = exit_code(value),
            _ => {}
        }
    }
    sight
}

/// `name = value` of the outermost block.
fn own_lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut depth = 0_u32;
    let lines = text.lines().map(str::trim);
    lines.filter_map(move |line| {
        if line.ends_with('{') {
            depth += 1;
            return None;
        }
        if line == "}" {
            depth = depth.saturating_sub(1);
            return None;
        }
        line.split_once(" = ").filter(|_| depth == 1)
    })
}

/// `0`, `78: EX_CONFIG`; `(never exited)` is none.
fn exit_code(value: &str) -> Option<i32> {
    let number = value.split(':').next()?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "gui/501/com.bazel.sso-watcher = {
\tactive count = 1
\tpath = /Users/jo/Library/LaunchAgents/com.bazel.sso-watcher.plist
\ttype = LaunchAgent
\tstate = running

\tprogram = /Users/jo/.cargo/bin/sso-watcher
\targuments = {
\t\t/Users/jo/.cargo/bin/sso-watcher
\t\trun
\t}

\tenvironment = {
\t\tpid = 1
\t\tstate => none
\t}

\tdomain = gui/501 [100005]
\truns = 1
\tpid = 913
\tlast exit code = (never exited)

\tendpoints = {
\t\t\"com.example\" = {
\t\t\tstate = 0
\t\t}
\t}
\tproperties = keepalive | runatload
}
";

    #[test]
    fn a_running_job_has_a_process() {
        let expected = Sight {
            is_running: true,
            pid: Some(913),
            last_exit: None,
        };
        assert_eq!(read(RUNNING), expected);
    }

    #[test]
    fn a_job_that_is_ending_or_waits_to_be_started_again_does_not_run() {
        let ending = read("x = {\n\tstate = SIGTERMed\n\tpid = 913\n}\n");
        assert!(!ending.is_running);
        let waiting = read("x = {\n\tstate = spawn scheduled\n\tlast exit code = 78: EX_CONFIG\n}");
        assert!(!waiting.is_running);
        assert_eq!(waiting.last_exit, Some(78));
    }

    #[test]
    fn nonsense_is_no_running_job() {
        for text in [
            "",
            "}}}}\nstate = running",
            "{ = {\n = \n",
            "state = running",
        ] {
            assert_eq!(read(text), Sight::default(), "{text:?}");
        }
    }
}
