//! Which boot of this host this is: after the next one, no process id means what it did.

use std::fs;
use std::sync::OnceLock;

use super::program;

const LINUX: &str = "/proc/sys/kernel/random/boot_id";

/// A text of its own for each boot; empty where the system does not say.
#[must_use]
pub fn boot_id() -> String {
    static KNOWN: OnceLock<String> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return known.clone();
    }
    // A failure is not remembered.
    let found = from_file(LINUX).or_else(|| from_program("sysctl"));
    found.map_or_else(String::new, |id| KNOWN.get_or_init(|| id).clone())
}

/// Whether `boot` may be this one: what is not known proves nothing.
pub(crate) fn is_this_boot(boot: &str) -> bool {
    let now = boot_id();
    boot == now || boot.is_empty() || now.is_empty()
}

fn from_file(path: &str) -> Option<String> {
    text(&fs::read_to_string(path).ok()?)
}

/// macOS has one more identity for a boot than Linux, of the same form.
fn from_program(sysctl: &str) -> Option<String> {
    text(&program::output(sysctl, &["-n", "kern.bootsessionuuid"])?)
}

fn text(found: &str) -> Option<String> {
    let text = found.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::program::tests::stand_in;
    use super::*;

    #[test]
    fn a_boot_has_one_id() {
        assert!(!boot_id().is_empty());
        assert_eq!(boot_id(), boot_id());
        assert!(is_this_boot(&boot_id()) && is_this_boot(""));
        assert!(!is_this_boot("5ca1ab1e-0000-4000-8000-000000000000"));
    }

    #[test]
    fn a_mac_is_asked_through_sysctl() {
        let folder = tempfile::tempdir().expect("a folder");
        let script =
            r#"[ "$*" = "-n kern.bootsessionuuid" ] && echo 4C0FFEE5-0000-4000-8000-000000000000"#;
        let sysctl = stand_in(folder.path(), "sysctl", script);
        let found = from_program(&sysctl);
        assert_eq!(
            found.as_deref(),
            Some("4C0FFEE5-0000-4000-8000-000000000000")
        );
        assert_eq!(from_program("/no/such/sysctl"), None);
    }
}
