//! What `systemctl show` says of a unit. Pure.

use crate::supervisor::proof::Sight;

/// What is asked for (systemctl(1), org.freedesktop.systemd1(5)).
pub(super) const PROPERTIES: &str = "ActiveState,MainPID,ExecMainStatus";

/// Reads `Property=value` lines, in any order; what they do not say is not so.
pub(super) fn read(text: &str) -> Sight {
    let mut sight = Sight::default();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    for (name, value) in lines {
        match name {
            "ActiveState" => sight.is_running = value == "active",
            "MainPID" => sight.pid = value.parse().ok().filter(|pid| *pid != 0),
            "ExecMainStatus" => sight.last_exit = value.parse().ok(),
            _ => {}
        }
    }
    sight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_active_unit_has_a_process() {
        let sight = read("MainPID=4711\nExecMainStatus=0\nActiveState=active\n");
        assert_eq!((sight.is_running, sight.pid), (true, Some(4711)));
    }

    #[test]
    fn a_unit_that_waits_for_its_restart_does_not_run() {
        let sight = read("ActiveState=activating\nMainPID=0\nExecMainStatus=64\n");
        let expected = Sight {
            is_running: false,
            pid: None,
            last_exit: Some(64),
        };
        assert_eq!(sight, expected);
    }

    #[test]
    fn a_unit_that_nobody_knows_does_not_run() {
        let sight = read("ActiveState=inactive\nMainPID=0\nExecMainStatus=0\n");
        assert!(!sight.is_running);
        assert!(!read("").is_running);
    }
}
