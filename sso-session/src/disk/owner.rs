//! Whose a new file is: a container that runs as root must not lock the user out of `~/.aws`.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown, fchown};
use std::path::Path;

use super::folder_of;

/// Gives a new file to the owner of the one that it will replace, or of its folder, also if it is in
/// its place already. Best effort: only root can, and only root has to.
pub(crate) fn inherit(file: &File, place: &Path) {
    let replaced = place
        .metadata()
        .ok()
        .filter(|there| file.metadata().is_ok_and(|new| !is_same(&new, there)));
    let model = replaced.map_or_else(|| folder_of(place).metadata(), Ok);
    note(adopt(file.metadata(), model, |uid, gid| {
        fchown(file, Some(uid), Some(gid))
    }));
}

/// Gives a new folder to the owner of the one above it.
pub(crate) fn inherit_folder(path: &Path) {
    let model = folder_of(path).metadata();
    note(adopt(path.metadata(), model, |uid, gid| {
        chown(path, Some(uid), Some(gid))
    }));
}

fn adopt(
    new: io::Result<Metadata>,
    model: io::Result<Metadata>,
    change: impl FnOnce(u32, u32) -> io::Result<()>,
) -> io::Result<()> {
    let (new, model) = (new?, model?);
    // Nobody but root can give files away.
    if new.uid() == model.uid() || new.uid() != 0 {
        return Ok(());
    }
    change(model.uid(), model.gid())
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn note(outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a new file keeps this process's owner");
    }
}
