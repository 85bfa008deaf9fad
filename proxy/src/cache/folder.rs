//! The folder on disk: its layout, its lock, and what else lies in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fs2::FileExt;
use tracing::info;

use super::CacheError;
use super::key::EntryId;

/// The folder of this format; a later format gets its own beside it.
const VERSION_FOLDER: &str = "v1";

/// The cache's place on disk; cheap to clone.
#[derive(Clone, Debug)]
pub struct CacheFolder {
    top: PathBuf,
    /// Held by the process that serves; the kernel drops it with the process.
    lock: Arc<OnceLock<File>>,
}

impl CacheFolder {
    /// Names the folder; touches nothing yet.
    #[must_use]
    pub fn new(top: impl Into<PathBuf>) -> Self {
        Self {
            top: top.into(),
            lock: Arc::default(),
        }
    }

    /// Where the user pointed `CACHE_DIR`.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.top.join(VERSION_FOLDER).join("objects")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.top.join(VERSION_FOLDER).join("staging")
    }

    pub(super) fn object_path(&self, id: EntryId) -> PathBuf {
        self.objects().join(id.relative_path())
    }

    /// Creates the folders, takes the lock and removes what a killed process left in `staging/`.
    pub(super) fn prepare(&self) -> Result<(), CacheError> {
        for folder in [self.objects(), self.staging()] {
            create_folder(&folder).map_err(|error| {
                CacheError::io(
                    format!("creating the cache folder {}", folder.display()),
                    error,
                )
            })?;
        }
        self.take_lock()?;
        self.report_foreign_files();
        self.empty_staging().map_err(|error| {
            CacheError::io(format!("emptying {}", self.staging().display()), error)
        })
    }

    fn take_lock(&self) -> Result<(), CacheError> {
        let path = self.top.join(VERSION_FOLDER).join("lock");
        let failed = |error| CacheError::io(format!("locking {}", path.display()), error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match FileExt::try_lock_exclusive(&file) {
            Ok(()) => {
                let _already_held = self.lock.set(file);
                Ok(())
            }
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                Err(CacheError::InUse(self.top.clone()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn empty_staging(&self) -> io::Result<()> {
        for file in fs::read_dir(self.staging())? {
            remove_whatever_it_is(&file?.path())?;
        }
        Ok(())
    }

    /// A volume may hold the files of an older program: they are not ours to touch.
    fn report_foreign_files(&self) {
        let Ok(names) = fs::read_dir(&self.top) else {
            return;
        };
        let ours = [VERSION_FOLDER, "lost+found"];
        let foreign = names
            .flatten()
            .filter(|entry| ours.iter().all(|name| entry.file_name() != *name))
            .count();
        if foreign > 0 {
            info!(
                folder = %self.top.display(),
                files = foreign,
                "the cache folder holds files that are not this program's: they are left alone \
                 and do not count"
            );
        }
    }

    /// Bytes free for us, and in all, on the cache's disk.
    pub fn disk_space(&self) -> io::Result<(u64, u64)> {
        let statistics = fs2::statvfs(&self.top)?;
        Ok((statistics.available_space(), statistics.total_space()))
    }

    /// Every object file: its folder's name, its name, its path. An error stands for those that cannot be
    /// listed.
    pub(super) fn object_files(
        &self,
    ) -> impl Iterator<Item = io::Result<(String, String, PathBuf)>> + use<> {
        entries(&self.objects()).flat_map(|folder| {
            let (folder, error) = match folder {
                Ok(folder) => (Some(folder), None),
                Err(error) => (None, Some(Err(error))),
            };
            let files = folder.into_iter().flat_map(|folder| {
                let folder_name = folder.file_name().to_string_lossy().into_owned();
                entries(&folder.path()).map(move |file| {
                    let file = file?;
                    let name = file.file_name().to_string_lossy().into_owned();
                    Ok((folder_name.clone(), name, file.path()))
                })
            });
            files.chain(error)
        })
    }
}

/// What is in a folder; nothing in one that is gone, or is none.
fn entries(folder: &Path) -> impl Iterator<Item = io::Result<fs::DirEntry>> + use<> {
    let (entries, error) = match fs::read_dir(folder) {
        Ok(entries) => (Some(entries), None),
        Err(error) if is_of_no_folder(&error) => (None, None),
        Err(error) => (None, Some(Err(error))),
    };
    entries.into_iter().flatten().chain(error)
}

fn is_of_no_folder(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotADirectory | NotFound)
}

/// Removes a file, or a folder that stands in a file's place.
pub(super) fn remove_whatever_it_is(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Creates a folder and those above it, for the owner only.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
