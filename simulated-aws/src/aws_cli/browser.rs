//! Opening a page, as Python's `webbrowser` does it.

use std::process::Stdio;

use tokio::process::Command;

/// Asked in turn when `BROWSER` says nothing: what opens a page on Linux, and on macOS.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

/// What shows pages to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Browser {
    /// Nothing: the person finds a browser.
    None,
    /// The desktop's own.
    Default,
    /// The command that `BROWSER` names.
    Named(String),
}

impl Browser {
    /// By the value of `BROWSER`.
    pub(super) fn of(variable: Option<String>) -> Self {
        variable
            .filter(|command| !command.trim().is_empty())
            .map_or(Self::Default, Self::Named)
    }

    /// Opens a page, and waits for the end of the command, as the CLI does: a browser that is to stay has
    /// to fork. That it cannot be opened is nobody's error: the page's address is shown, too.
    pub(super) async fn open(&self, page: &str) {
        match self {
            Self::None => {}
            Self::Default => {
                for opener in OPENERS {
                    if has_opened(&[opener.to_owned(), page.to_owned()]).await {
                        break;
                    }
                }
            }
            Self::Named(command) => {
                has_opened(&words(command, page)).await;
            }
        }
    }
}

/// `cmd %s`, or a command that takes the page at its end. Words are split at spaces, without quotes.
fn words(command: &str, page: &str) -> Vec<String> {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if !command.contains("%s") {
        words.push("%s".to_owned());
    }
    words.iter().map(|word| word.replace("%s", page)).collect()
}

async fn has_opened(words: &[String]) -> bool {
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_goes_where_the_command_wants_it() {
        let page = "http://127.0.0.1/?a=b";
        let expected = ["x", "--new", page];
        assert_eq!(words("x --new %s", page), expected);
        assert_eq!(words("x --new", page), expected);
    }

    #[test]
    fn an_empty_variable_names_no_browser() {
        assert_eq!(Browser::of(Some(" ".to_owned())), Browser::Default);
        assert_eq!(Browser::of(None), Browser::Default);
        let named = Browser::Named("x".to_owned());
        assert_eq!(Browser::of(Some("x".to_owned())), named);
    }
}
