//! The browser of the tour's person, as the AWS CLI opens it by `BROWSER`: it only notes the page, for the
//! tour to look at it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sso_session::disk;

/// More than any address.
const MOST_BYTES: u64 = 64 * 1024;

/// Notes the page that is its last argument, in the person's home.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let (Some(page), Some(home)) = (arguments.last(), home) else {
        return ExitCode::FAILURE;
    };
    match disk::replace(&place(&home), page.as_encoded_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("browser: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The page that was opened last, if one was.
pub(crate) fn opened(home: &Path) -> Option<String> {
    let bytes = disk::read_bounded(&place(home), MOST_BYTES).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// Closes the page: the next one is a new one.
pub(crate) fn close(home: &Path) -> Result<(), disk::DiskError> {
    disk::remove(&place(home)).map(|_| ())
}

fn place(home: &Path) -> PathBuf {
    home.join("opened-page")
}
