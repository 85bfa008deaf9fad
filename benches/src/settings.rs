//! What a run is told.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::crowd::Crowd;
use crate::failure::Failure;

/// What every group of rows is given.
pub(crate) struct Settings {
    /// The proxy's program.
    pub(crate) proxy: PathBuf,
    /// How often each pair of values is taken.
    pub(crate) rounds: usize,
    /// How long each value of a throughput is measured.
    pub(crate) measure_for: Duration,
    /// Fewer sizes and connection counts, smaller caches.
    pub(crate) quick: bool,
    /// Made when first needed.
    pub(crate) crowd: OnceLock<Crowd>,
}

impl Settings {
    /// The cases of a full run, or those few of a quick one.
    pub(crate) fn cases<T: Copy>(&self, full: &[T], quick: &[T]) -> Vec<T> {
        if self.quick { quick } else { full }.to_vec()
    }

    /// A cache of 200,000 entries (20,000 in a quick run), the same for all who ask.
    pub(crate) fn crowd(&self) -> Result<&Crowd, Failure> {
        if let Some(crowd) = self.crowd.get() {
            return Ok(crowd);
        }
        let crowd = Crowd::gather(if self.quick { 20_000 } else { 200_000 })?;
        Ok(self.crowd.get_or_init(|| crowd))
    }
}

/// Finds a program on `PATH`, or says how to get it.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps nginx where only root looks.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut candidates = folders.map(|folder| folder.join(name));
    let found = candidates.find(|candidate| is_program(candidate));
    found.ok_or_else(|| {
        Failure::new(format!(
            "{name} is not on PATH; benches/compare.sh installs it on Debian, elsewhere install it \
             with your package manager"
        ))
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
