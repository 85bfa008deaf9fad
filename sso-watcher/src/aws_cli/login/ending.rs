//! How a login ended, without what nobody may read.

use std::fmt;

use super::invitation::{is_url, user_code};
use crate::said;

/// Enough for the longest answer of the CLI.
const SAID_CHARS: usize = 600;

/// What the CLI says when it has written the token. Where nobody can know its status, that is how success
/// shows.
pub(in crate::aws_cli) const SUCCESS: &str = "Successfully logged into";

/// A login that is over. None of its processes runs any more, but for what it left running when it
/// ended by itself, or if it `survives`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub how: How,
    /// Whether it got as far as asking the person.
    pub has_invited: bool,
    /// What it said at last, in one line of at most 600 characters, without codes.
    pub said: String,
    /// It was to be ended, and runs still.
    pub survives: bool,
}

/// What made a login end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It ended by itself, with this status.
    Ended(i32),
    /// Somebody else ended it, with this signal.
    Signalled(i32),
    /// It ended; with what status only its parent could know, which is dead.
    Unseen,
    /// We ended it: its time was over.
    TimedOut,
    /// We ended it: it was cancelled.
    Cancelled,
    /// We ended it: it said more than any CLI does.
    TooMuchOutput,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::Unseen => f.write_str("ended out of sight"),
            Self::TimedOut => f.write_str("its time was over"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::TooMuchOutput => f.write_str("it said too much"),
        }
    }
}

/// What it said at last: what comes after the invitation, if anything does.
pub(super) fn last_words(output: &str) -> String {
    let code = user_code(output);
    let is_invitation = |line: &str| is_url(line.trim()) || code == Some(line.trim());
    let mut rest = output;
    for (start, line) in lines_with_start(output) {
        if is_invitation(line) {
            rest = &output[start + line.len()..];
        }
    }
    let words = if rest.trim().is_empty() { output } else { rest };
    let words = code.map_or_else(|| words.to_owned(), |code| words.replace(code, "…"));
    said::fit(&words, SAID_CHARS)
}

/// The lines, each with the place where it begins.
fn lines_with_start(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let begins = start;
        start += line.len();
        (begins, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITATION: &str = "\
Browser will not be automatically opened.
Please visit the following URL:

http://127.0.0.1:4701/device

Then enter the code:

IGIR-CRTF

Alternatively, you may visit the following URL which will autofill the code upon loading:
http://127.0.0.1:4701/device?user_code=IGIR-CRTF
";

    #[test]
    fn what_comes_after_the_invitation_counts() {
        let answer = "\
\naws: [ERROR]: An error occurred (AccessDeniedException) when calling the CreateToken operation:

Additional error details:
error: access_denied
error_description: The code IGIR-CRTF was denied
";
        let said = last_words(&format!("{INVITATION}{answer}"));
        let expected = "aws: [ERROR]: An error occurred (AccessDeniedException) when calling the \
            CreateToken operation: Additional error details: error: access_denied \
            error_description: The code … was denied";
        assert_eq!(said, expected);
        assert_eq!(last_words(answer), expected.replace('…', "IGIR-CRTF"));
    }

    #[test]
    fn the_code_is_left_out() {
        let said = last_words(INVITATION);
        let expected = "Browser will not be automatically opened. Please visit the following URL: \
            http://127.0.0.1:4701/device Then enter the code: … Alternatively, you may visit the \
            following URL which will autofill the code upon loading: http://127.0.0.1:4701/device?…";
        assert_eq!(said, expected);
    }

    #[test]
    fn silence_is_nothing() {
        assert_eq!(last_words(""), "");
        assert_eq!(last_words("\n\n"), "");
    }

    #[test]
    fn a_long_answer_is_cut() {
        let said = last_words(&"word ".repeat(1000));
        assert_eq!(said.chars().count(), SAID_CHARS);
    }
}
