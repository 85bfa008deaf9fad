//! The end of a file, found from behind.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// What is looked through at once.
const BLOCK: usize = 16 * 1024;

/// Where the last lines of a file begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LastLines {
    /// In bytes from the start of the file.
    pub(super) offset: u64,
    /// How many they are, at most as many as were asked for.
    pub(super) count: usize,
}

/// Finds the last `wanted` lines. The last of them may be without its end.
pub(super) fn last_lines(file: &mut File, wanted: usize) -> io::Result<LastLines> {
    let length = file.metadata()?.len();
    let mut found = LastLines {
        offset: length,
        count: 0,
    };
    let mut block = [0; BLOCK];
    let mut end = length;
    while end > 0 && found.count < wanted {
        let size = usize::try_from(end).map_or(BLOCK, |left| left.min(BLOCK));
        let start = end - size as u64;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..size])?;
        for (next, byte) in (0..=end).rev().zip(block[..size].iter().rev()) {
            // The last line's own end is the start of none.
            if *byte == b'\n' && next < length {
                found.offset = next;
                found.count += 1;
            }
            if found.count == wanted {
                return Ok(found);
            }
        }
        end = start;
    }
    if wanted > found.count && length > 0 {
        found.offset = 0;
        found.count += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn found(text: &str, wanted: usize) -> (String, usize) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let found = last_lines(&mut file, wanted).expect("read");
        let offset = usize::try_from(found.offset).expect("small");
        (text[offset..].to_owned(), found.count)
    }

    #[test]
    fn as_many_lines_as_there_are() {
        assert_eq!(found("a\nb\nc\n", 2), ("b\nc\n".to_owned(), 2));
        assert_eq!(found("a\nb\nc", 2), ("b\nc".to_owned(), 2));
        assert_eq!(found("a\nb\n", 2), ("a\nb\n".to_owned(), 2));
        assert_eq!(found("a\nb\n", 9), ("a\nb\n".to_owned(), 2));
        assert_eq!(found("\n\n", 1), ("\n".to_owned(), 1));
        assert_eq!(found("a\n", 0), (String::new(), 0));
        assert_eq!(found("", 3), (String::new(), 0));
    }

    #[test]
    fn lines_longer_than_a_block_are_found() {
        let long = format!(
            "first\n{}\n{}\n",
            "x".repeat(BLOCK * 2),
            "y".repeat(BLOCK - 1)
        );
        let (text, count) = found(&long, 2);
        assert_eq!((text.len(), count), (long.len() - 6, 2));
    }
}
