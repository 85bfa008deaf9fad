//! The file of one token, among writers that do not lock.
//!
//! Nearly all of them write in place and truncate first, so half a token is a writer at work. Only
//! this one file is ever touched: other tools keep theirs in the same folder.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::{Token, TokenError};
use crate::disk::{self, DiskError};

/// Tokens have 2 to 6 KiB; what is longer is none.
pub(super) const MOST_BYTES: u64 = 256 * 1024;

/// A writer needs milliseconds; after half a second nobody is at work any more.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// Where one session's token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    path: PathBuf,
}

/// A login made while a refresh was under way ends so much sooner than the refreshed token at most.
const MADE_MEANWHILE: Duration = Duration::from_mins(5);

/// What the file held at one moment.
#[derive(Debug)]
pub enum Reading {
    /// There is no file. On a bind mount, that may not be the whole truth.
    Absent,
    /// A token, whether it has ended or not.
    Found(Token),
    /// Something, but no token.
    Unreadable(UnreadableToken),
}

/// What became of a refreshed token.
#[derive(Debug)]
pub enum Written {
    /// It is in the file.
    Ours,
    /// The file holds another login that ends hardly sooner, if at all, and was left alone.
    TheirsKept(Token),
}

/// Why a file gives no token, and what to do.
#[derive(Debug, Error)]
pub enum UnreadableToken {
    /// The system does not give the bytes.
    #[error("{0}. Make the file readable and writable for the user who runs this.")]
    Disk(#[from] DiskError),
    /// The bytes are no token.
    #[error(
        "the SSO token {} cannot be used: {problem}. If this stays, `aws sso login` writes it anew.",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        problem: TokenError,
    },
}

impl Reading {
    /// Whether a writer may be at work.
    fn is_torn(&self) -> bool {
        matches!(self, Self::Unreadable(UnreadableToken::Content { .. }))
    }
}

impl TokenFile {
    /// Names the file; touches nothing yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, file_name: impl AsRef<Path>) -> Self {
        let path = folder.into().join(file_name);
        Self { path }
    }

    /// Where the token is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it once. Blocks on the disk.
    #[must_use]
    pub fn read(&self) -> Reading {
        match disk::read_bounded(&self.path, MOST_BYTES) {
            Ok(bytes) => match Token::parse(&bytes) {
                Ok(token) => Reading::Found(token),
                Err(problem) => Reading::Unreadable(UnreadableToken::Content {
                    path: self.path.clone(),
                    problem,
                }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Reading::Absent,
            Err(error) => Reading::Unreadable(error.into()),
        }
    }

    /// Reads it, and for half a second again while it is torn.
    pub async fn read_settled(&self) -> Reading {
        let mut reading = self.read_aside().await;
        for _ in 1..ATTEMPTS {
            if !reading.is_torn() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            reading = self.read_aside().await;
        }
        reading
    }

    async fn read_aside(&self) -> Reading {
        let file = self.clone();
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        read.unwrap_or_else(|error| {
            let error = DiskError::at("reading", &self.path)(io::Error::other(error));
            Reading::Unreadable(error.into())
        })
    }

    /// Writes a refreshed token, unless somebody else logged in meanwhile for about as long or longer:
    /// a new login begins a new session, and a refreshed token only goes on with an old one.
    ///
    /// `spent` is the token whose refresh token bought `new`. Unknown fields of the file live on.
    /// Blocks on the disk, for half a second more while another writer is at work.
    pub fn replace_if_ours_is_newer(
        &self,
        spent: &Token,
        new: &Token,
    ) -> Result<Written, DiskError> {
        let mut ours = new.clone();
        ours.adopt_unknown_fields(spent);
        match self.read_patiently() {
            Reading::Found(theirs) => {
                let known = theirs.is_same_login(spent) || theirs.is_same_login(new);
                let about_as_long = theirs.expires_at + MADE_MEANWHILE >= new.expires_at;
                if !known && about_as_long {
                    return Ok(Written::TheirsKept(theirs));
                }
                ours = new.clone();
                ours.adopt_unknown_fields(&theirs);
            }
            // A logout leaves nothing, and what is garbage for so long is nobody's token.
            Reading::Absent | Reading::Unreadable(_) => {}
        }
        disk::replace(&self.path, &ours.to_json())?;
        Ok(Written::Ours)
    }

    fn read_patiently(&self) -> Reading {
        let mut reading = self.read();
        for _ in 1..ATTEMPTS {
            if !reading.is_torn() {
                break;
            }
            std::thread::sleep(PAUSE);
            reading = self.read();
        }
        reading
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests write as the AWS CLI does: in place"
)]
mod tests {
    use std::fs;

    use super::*;

    fn token(access_token: &str, minutes: u32, more: &str) -> Token {
        let json = format!(
            r#"{{"accessToken": "{access_token}", "expiresAt": "2026-01-02T03:{minutes:02}:00Z"{more}}}"#
        );
        Token::parse(json.as_bytes()).expect("a token")
    }

    fn file() -> (tempfile::TempDir, TokenFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path(), "0beec7b5.json");
        (folder, file)
    }

    fn content(file: &TokenFile) -> Token {
        match file.read() {
            Reading::Found(token) => token,
            other @ (Reading::Absent | Reading::Unreadable(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn absent_found_and_unreadable_are_told_apart() {
        let (folder, file) = file();
        assert!(matches!(file.read(), Reading::Absent));
        fs::write(file.path(), "{\"accessToken\": \"hidd").expect("written");
        let Reading::Unreadable(error) = file.read() else {
            panic!("it is torn");
        };
        let text = error.to_string();
        let path = file.path().to_str().expect("a text");
        assert!(
            text.contains(path) && text.contains("aws sso login"),
            "{text}"
        );
        assert!(!text.contains("hidd"), "{text}");
        fs::remove_file(file.path()).expect("removed");
        fs::create_dir(file.path()).expect("created");
        let Reading::Unreadable(error) = file.read() else {
            panic!("a folder is no token");
        };
        assert!(error.to_string().contains(path), "{error}");
        drop(folder);
    }

    #[tokio::test(start_paused = true)]
    async fn a_torn_token_is_read_again_until_its_writer_is_done() {
        let (_folder, file) = file();
        fs::write(file.path(), "").expect("written");
        let writer = async {
            tokio::time::sleep(PAUSE * 3 + PAUSE / 2).await;
            fs::write(file.path(), &*token("a", 0, "").to_json()).expect("written");
        };
        let (reading, ()) = tokio::join!(file.read_settled(), writer);
        assert!(matches!(reading, Reading::Found(_)), "{reading:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn garbage_is_believed_after_half_a_second() {
        let (_folder, file) = file();
        fs::write(file.path(), "garbage").expect("written");
        let begin = tokio::time::Instant::now();
        let reading = file.read_settled().await;
        assert!(reading.is_torn(), "{reading:?}");
        assert_eq!(begin.elapsed(), PAUSE * (ATTEMPTS - 1));
    }

    #[test]
    fn a_refreshed_token_replaces_the_spent_one_and_keeps_unknown_fields() {
        let (_folder, file) = file();
        let spent = token("old", 10, r#", "note": [1, 2], "refreshToken": "r1""#);
        let new = token("new", 20, r#", "refreshToken": "r2""#);
        disk::replace(file.path(), &spent.to_json()).expect("written");
        for _ in 0..2 {
            let written = file.replace_if_ours_is_newer(&spent, &new);
            assert!(matches!(written, Ok(Written::Ours)), "{written:?}");
            let expected = token("new", 20, r#", "refreshToken": "r2", "note": [1, 2]"#);
            assert_eq!(content(&file), expected);
        }
    }

    #[test]
    fn another_login_is_kept_if_it_ends_no_sooner() {
        let (_folder, file) = file();
        let (spent, new) = (token("old", 10, ""), token("new", 20, ""));
        for minutes in [15, 20, 30] {
            let theirs = token("theirs", minutes, "");
            disk::replace(file.path(), &theirs.to_json()).expect("written");
            let written = file.replace_if_ours_is_newer(&spent, &new);
            assert!(matches!(written, Ok(Written::TheirsKept(kept)) if kept == theirs));
            assert_eq!(content(&file), theirs);
        }
        let theirs = token("theirs", 14, r#", "note": 1"#);
        disk::replace(file.path(), &theirs.to_json()).expect("written");
        let written = file.replace_if_ours_is_newer(&spent, &new);
        assert!(matches!(written, Ok(Written::Ours)), "{written:?}");
        assert_eq!(content(&file), token("new", 20, r#", "note": 1"#));
    }

    #[test]
    fn a_refreshed_token_is_written_where_there_is_none_or_only_garbage() {
        let (_folder, file) = file();
        let (spent, new) = (token("old", 10, r#", "note": 1"#), token("new", 20, ""));
        let written = file.replace_if_ours_is_newer(&spent, &new);
        assert!(matches!(written, Ok(Written::Ours)), "{written:?}");
        fs::write(file.path(), "garbage").expect("written");
        let written = file.replace_if_ours_is_newer(&spent, &new);
        assert!(matches!(written, Ok(Written::Ours)), "{written:?}");
        assert_eq!(content(&file), token("new", 20, r#", "note": 1"#));
    }
}
