//! Reads the lists: whole, and no more than they may be.

use std::fs::File;
use std::io::{self, Read};

use crate::lists::{self, Format, List, OurHosts};

/// The lock file of a large monorepo has some ten.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// As everywhere.
const STANDARD_INPUT: &str = "-";

/// Reads each file; or says which one cannot be read, and why.
pub(super) fn read_all(
    files: &[String],
    format: Option<Format>,
    ours: &OurHosts,
) -> Result<Vec<List>, String> {
    if files.iter().filter(|file| *file == STANDARD_INPUT).count() > 1 {
        return Err("standard input (`-`) can be read once only".to_owned());
    }
    let read = |file: &String| {
        let name = if file == STANDARD_INPUT {
            "standard input"
        } else {
            file
        };
        let text = text(file).map_err(|error| format!("{name}: {error}"))?;
        lists::read(&text, format, ours).map_err(|error| format!("{name}: {error}"))
    };
    files.iter().map(read).collect()
}

fn text(file: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    let input: Box<dyn Read> = if file == STANDARD_INPUT {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file)?)
    };
    input.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let problem = format!("longer than {} MiB; split it", MOST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "this is not UTF-8 text"))
}
