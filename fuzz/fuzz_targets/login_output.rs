//! Whatever a login says, it has one meaning, an invitation shows a page and a code that are fit for a
//! terminal, and what is told of it is one short line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sso_watcher::aws_cli::login::{Ending, How, Invitation};
use sso_watcher::aws_cli::verdict::meaning;
use sso_watcher::said;

fuzz_target!(|input: (i32, &str)| {
    let (code, text) = input;
    if let Some(invitation) = Invitation::read(text) {
        let shown = format!("{} {:?}", invitation.url, invitation.user_code);
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    let said = said::fit(text, 600);
    assert!(said.chars().count() <= 600 && !said.chars().any(char::is_control));
    let ending = Ending {
        how: How::Ended(code),
        has_invited: false,
        survives: false,
        said,
    };
    let _any_meaning = meaning(&ending);
});
