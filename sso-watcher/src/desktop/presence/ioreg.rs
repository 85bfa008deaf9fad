//! What macOS's registry of devices says (`ioreg`).

use std::time::Duration;

/// Asks for the time since the last input.
/// <https://developer.apple.com/library/archive/qa/qa1340/_index.html> names the class.
pub(super) const INPUT: [&str; 4] = ["-c", "IOHIDSystem", "-d", "4"];

/// Asks for the sessions at the screen.
pub(super) const CONSOLE: [&str; 4] = ["-n", "Root", "-d", "1"];

/// The time since the last input: `"HIDIdleTime" = 1234567890`, in nanoseconds. The shortest, should more
/// than one device say it.
pub(super) fn idle(text: &str) -> Option<Duration> {
    let nanoseconds = |line: &str| {
        let (_, value) = line.split_once("\"HIDIdleTime\" = ")?;
        value.trim().parse().ok()
    };
    let idle = text.lines().filter_map(nanoseconds).min();
    idle.map(Duration::from_nanos)
}

/// Whether the screen is locked: as the console, or as a session on it. Old versions say only the latter,
/// and only while it is.
pub(super) fn is_locked(text: &str) -> bool {
    let is_said = |name: &str| {
        let mut places = text.match_indices(name);
        places.any(|(place, _)| {
            let rest = text[place + name.len()..].trim_start_matches([' ', '=']);
            rest.starts_with("Yes")
        })
    };
    is_said("\"CGSSessionScreenIsLocked\"") || is_said("\"IOConsoleLocked\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines around the one that counts, in the form that `ioreg -c IOHIDSystem -d 4` prints.
    const INPUT_TEXT: &str = r#"
    | +-o IOHIDSystem  <class IOHIDSystem, id 0x1000002a9, registered, matched, active, busy 0 (0 ms), retain 20>
    |   {
    |     "HIDParameters" = {"HIDMouseAcceleration"=45056,"HIDClickTime"=500000000}
    |     "HIDIdleTime" = 61234567890
    |     "HIDFastUserSwitch" = 0
    |   }
"#;

    /// The same of `ioreg -n Root -d 1`.
    const UNLOCKED: &str = r#"
+-o Root  <class IORegistryEntry, id 0x100000100, retain 32>
    {
      "IOConsoleUsers" = ({"kCGSSessionOnConsoleKey"=Yes,"kSCSecuritySessionID"=100008,"kCGSSessionSystemSafeBoot"=No,"kCGSessionLoginDoneKey"=Yes,"kCGSSessionUserNameKey"="x"})
      "IOConsoleLocked" = No
    }
"#;

    #[test]
    fn the_last_input_is_read() {
        let idle_time = idle(INPUT_TEXT).expect("said");
        assert_eq!(idle_time, Duration::from_nanos(61_234_567_890));
        let two = format!("{INPUT_TEXT}\n\"HIDIdleTime\" = 5\n");
        assert_eq!(idle(&two), Some(Duration::from_nanos(5)));
        assert_eq!(idle("\"HIDIdleTime\" = \n"), None);
        assert_eq!(idle(""), None);
    }

    #[test]
    fn a_locked_screen_is_recognised() {
        assert!(!is_locked(UNLOCKED));
        assert!(!is_locked(""));
        let session = "=Yes,\"CGSSessionScreenIsLocked\"=Yes,\"kCGSSessionUserNameKey\"";
        let old = UNLOCKED.replace("=Yes,\"kCGSSessionUserNameKey\"", session);
        assert!(is_locked(&old), "{old}");
        let new = UNLOCKED.replace("\"IOConsoleLocked\" = No", "\"IOConsoleLocked\" = Yes");
        assert!(is_locked(&new), "{new}");
    }
}
