//! The words on the screen: 80 columns, colours and live progress only where a person looks.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

const WIDTH: usize = 80;
const BAR_WIDTH: usize = 40;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";
/// Back to the line's begin, and erase it.
const ERASE_LINE: &str = "\r\x1b[K";

/// Standard output.
#[derive(Debug)]
pub(crate) struct Terminal {
    colours: bool,
    live: bool,
}

impl Terminal {
    /// Looks at what standard output is, and at `NO_COLOR` (<https://no-color.org>) and `TERM`.
    pub(crate) fn new() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let live = io::stdout().is_terminal() && set("TERM").is_none_or(|term| term != "dumb");
        Self {
            colours: live && set("NO_COLOR").is_none(),
            live,
        }
    }

    /// The first line.
    pub(crate) fn title(&self, text: &str) {
        self.line(&self.styled(BOLD, text));
    }

    /// A new part of the tour.
    pub(crate) fn heading(&self, text: &str) {
        self.line("");
        self.line(&self.styled(BOLD, text));
    }

    /// Plain words, wrapped.
    pub(crate) fn say(&self, text: &str) {
        for line in wrapped(text, WIDTH - 2) {
            self.line(&format!("  {line}"));
        }
    }

    /// What is being done now.
    pub(crate) fn doing(&self, text: &str) {
        self.marked("·", DIM, DIM, text);
    }

    /// A claim that holds.
    pub(crate) fn held(&self, text: &str) {
        self.marked("✓", GREEN, "", text);
    }

    /// A claim that does not hold, or an error.
    pub(crate) fn failed(&self, text: &str) {
        self.marked("✗", RED, RED, text);
    }

    /// Something to copy, or that another program said; never wrapped.
    pub(crate) fn quote(&self, text: &str) {
        for line in text.lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            self.line(&format!("{indent}{}", self.styled(CYAN, line)));
        }
    }

    /// Words that another program said, wrapped.
    pub(crate) fn quote_wrapped(&self, text: &str) {
        self.quote(&wrapped(text, WIDTH - 4).join("\n"));
    }

    /// How much of a download is there; the next line takes its place.
    pub(crate) fn progress(&self, received: usize, length: usize) {
        if !self.live || length == 0 {
            return;
        }
        let done = (received * BAR_WIDTH / length).min(BAR_WIDTH);
        let bar = "━".repeat(done) + &" ".repeat(BAR_WIDTH - done);
        let (bar, received, length) = (self.styled(GREEN, &bar), size(received), size(length));
        self.write(&format!("{ERASE_LINE}  {bar} {received} of {length}"));
    }

    /// After the last [`progress`](Self::progress).
    pub(crate) fn progress_ends(&self) {
        if self.live {
            self.write(ERASE_LINE);
        }
    }

    /// After Ctrl-C, of which the terminal shows `^C` in the middle of a line.
    pub(crate) fn stopped(&self) {
        if self.live {
            self.write(ERASE_LINE);
        }
        self.line("Stopped: all programs have ended and the temporary folder is removed.");
    }

    fn marked(&self, mark: &str, mark_style: &str, style: &str, text: &str) {
        let mut mark = mark;
        for line in text.lines().flat_map(|line| wrapped(line, WIDTH - 4)) {
            self.line(&format!(
                "  {} {}",
                self.styled(mark_style, mark),
                self.styled(style, &line)
            ));
            mark = " ";
        }
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.colours && !style.is_empty() {
            format!("{style}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }

    fn line(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    #[expect(
        clippy::unused_self,
        reason = "all output goes through the one who knows what it may hold"
    )]
    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        // If nobody reads (`demo | head`), the exit code is still worth the tour.
        let _outcome = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A duration as a person would say it: three digits at most.
pub(crate) fn time(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

/// Bytes as a person would say them.
pub(crate) fn size(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = KIB * KIB;
    let tenths = |unit: usize| {
        let tenths = bytes * 10 / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    if bytes >= MIB {
        format!("{} MiB", tenths(MIB))
    } else if bytes >= KIB {
        format!("{} KiB", tenths(KIB))
    } else {
        format!("{bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("a http://long.example b", 5),
            ["a", "http://long.example", "b"]
        );
        assert_eq!(wrapped("größer wäre ✓", 11), ["größer wäre", "✓"]);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(time(Duration::from_micros(1260)), "1.3 ms");
        assert_eq!(time(Duration::from_millis(152)), "152 ms");
        assert_eq!(time(Duration::from_millis(1520)), "1.5 s");
        assert_eq!(size(17), "17 bytes");
        assert_eq!(size(2048), "2.0 KiB");
        assert_eq!(size(6 * 1024 * 1024 + 600_000), "6.5 MiB");
    }
}
