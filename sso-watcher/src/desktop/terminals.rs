//! A few words on the person's own terminals, as `write` puts them there: where there is no desktop, that
//! is where somebody looks.

use std::fs::{self, DirEntry, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Where terminals are, and how their names begin: Linux's, and macOS's.
const PLACES: [(&str, &str); 2] = [("/dev/pts", ""), ("/dev", "ttys")];

/// Nobody has more.
const MAX_TERMINALS: usize = 64;

/// A screen's height of wide lines.
const MAX_CHARS: usize = 2000;

/// The permission that `mesg n` takes away.
const TAKES_MESSAGES: u32 = 0o020;

/// Shows a text on every terminal of this user that takes messages; on how many. Blocks for moments.
#[must_use]
pub fn show(text: &str) -> usize {
    let user = nix::unistd::geteuid().as_raw();
    let words = words(text);
    terminals(user)
        .filter(|terminal| write(terminal, words.as_bytes()).is_ok())
        .count()
}

fn terminals(user: u32) -> impl Iterator<Item = PathBuf> {
    let of = move |(folder, prefix): (&str, &'static str)| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter(move |entry| is_named(entry, prefix))
    };
    PLACES
        .into_iter()
        .flat_map(of)
        .map(|entry| entry.path())
        .filter(move |path| {
            let metadata = path.metadata();
            metadata.is_ok_and(|metadata| takes_messages(&metadata, user))
        })
        .take(MAX_TERMINALS)
}

fn is_named(entry: &DirEntry, prefix: &str) -> bool {
    let name = entry.file_name();
    let name = name.as_encoded_bytes();
    name.starts_with(prefix.as_bytes()) && name.len() > prefix.len()
}

fn takes_messages(terminal: &Metadata, user: u32) -> bool {
    terminal.file_type().is_char_device()
        && terminal.uid() == user
        && terminal.mode() & TAKES_MESSAGES != 0
}

/// A terminal that is stopped takes nothing, and is not waited for.
fn write(terminal: &Path, words: &[u8]) -> io::Result<()> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut terminal = OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(terminal)?;
    terminal.write_all(words)
}

/// The text between empty lines, without what a terminal would obey. A program that draws the whole screen
/// may have set it such that a line's end alone does not lead back to its beginning.
fn words(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .take(MAX_CHARS)
        .collect();
    format!("\n{}\n", shown.trim_end()).replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::stand_ins::StandIns;

    #[test]
    fn a_terminal_is_told_nothing_that_it_obeys() {
        let text = "Open \u{1b}]0;evil\u{7}https://x\r\nand enter \u{9b}31mABCD\n\n";
        let expected = "\r\nOpen ]0;evilhttps://x\r\nand enter 31mABCD\r\n";
        assert_eq!(words(text), expected);
        assert!(words(&"x\n".repeat(9999)).len() < 2 * MAX_CHARS);
    }

    #[test]
    fn only_terminals_of_the_person_that_take_messages_count() {
        let null = Path::new("/dev/null").metadata().expect("there");
        assert!(takes_messages(&null, null.uid()));
        assert!(!takes_messages(&null, null.uid() + 1), "another's");
        let stand_ins = StandIns::new();
        stand_ins.write("file", "");
        stand_ins.set_mode("file", "620");
        let file = stand_ins.path("file").metadata().expect("there");
        assert!(!takes_messages(&file, file.uid()), "no device");
    }

    /// `script` makes a terminal, and copies to its own output what is written there.
    #[tokio::test]
    async fn the_words_are_seen_on_a_terminal() {
        let stand_ins = StandIns::new();
        stand_ins.add(
            "inside",
            "chmod 620 \"$(tty)\"; tty >terminal; read -r line",
        );
        let inside = stand_ins.path("inside");
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(&inside)
            .arg(stand_ins.path("typescript"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("`script` of util-linux");
        let terminal = stand_ins.eventually("terminal").await;
        let ours = terminals(nix::unistd::geteuid().as_raw());
        let ours: Vec<_> = ours.collect();
        assert!(ours.contains(&PathBuf::from(terminal.trim())), "{ours:?}");
        let words = words("Enter the code ABCD-EFGH");
        write(Path::new(terminal.trim()), words.as_bytes()).expect("shown");
        let mut keyboard = script.stdin.take().expect("piped");
        keyboard.write_all(b"\n").expect("typed");
        assert!(script.wait().expect("ended").success());
        let seen = stand_ins.read("typescript");
        assert!(seen.contains("\nEnter the code ABCD-EFGH\r"), "{seen}");
    }
}
