//! A folder that can be made read-only, for root, too: by a mount, as root is stopped by nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs in place of a folder; unmounted when dropped, which must be before the scratch.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts it. `None`, said on the standard output, where that is not allowed.
    ///
    /// # Panics
    /// Where it is not allowed, with `REAL_CLIENTS=required`.
    #[must_use]
    pub fn over(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "tokens"]).arg(folder).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "a tmpfs cannot be mounted, and is required here");
        println!("SKIPPED: a tmpfs can be mounted by root only");
        None
    }

    /// `ro` or `rw`.
    ///
    /// # Panics
    /// If it cannot be remounted.
    pub fn remount(&self, mode: &str) {
        let mut mount = Command::new("mount");
        let options = format!("remount,{mode}");
        let mount = mount.args(["-o", &options]).arg(&self.0).status();
        assert!(mount.expect("mount runs").success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _outcome = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
