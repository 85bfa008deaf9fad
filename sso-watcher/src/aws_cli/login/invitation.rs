//! What the CLI asks the person to do, read from what it shows.

use std::fmt;

/// The page where the person signs in, and the code to enter there.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The page. Without a code to enter, it is good for a browser on this machine only.
    pub url: String,
    /// What is to be entered there, on any device.
    pub user_code: Option<String>,
}

impl Invitation {
    /// Reads what the CLI has said so far; `None` until the invitation is complete. A last line without
    /// its end may be half of one.
    #[must_use]
    pub fn read(said: &str) -> Option<Self> {
        let (whole, _half) = said.rsplit_once('\n')?;
        let url = whole.lines().map(str::trim).find(|line| is_url(line))?;
        let user_code = user_code(whole);
        // A page that hands its code back to this machine says so.
        let needs_no_code = url.contains("response_type=code");
        (user_code.is_some() || needs_no_code).then(|| Self {
            url: url.to_owned(),
            user_code: user_code.map(str::to_owned),
        })
    }
}

/// Whoever has these can take part in the sign-in.
impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.url.split(['?', '#']).next();
        f.debug_struct("Invitation")
            .field("page", &page.unwrap_or_default())
            .field("has_code", &self.user_code.is_some())
            .finish()
    }
}

/// Whether a line shows a page, and nothing else. It is shown on terminals.
pub(super) fn is_url(line: &str) -> bool {
    (line.starts_with("https://") || line.starts_with("http://")) && is_plain(line)
}

fn is_plain(line: &str) -> bool {
    !line.chars().any(char::is_control)
}

/// The code of a device, on the line after "Then enter the code:".
pub(super) fn user_code(said: &str) -> Option<&str> {
    let mut lines = said.lines().map(str::trim);
    lines.find(|line| line.ends_with("enter the code:"))?;
    lines.find(|line| !line.is_empty() && is_plain(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2.38.5, `sso login --profile=demo`.
    const BROWSER: &str = "\
Attempting to open your default browser. If the browser does not open, open the following URL.
If you are unable to open the URL on this device, run this command again with the '--use-device-code' option.

https://oidc.us-west-2.amazonaws.com/authorize?response_type=code&client_id=CvI&redirect_uri=http%3A%2F%2F127.0.0.1%3A45545%2Foauth%2Fcallback&state=edf1&code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess&code_challenge=Iyj0

";

    /// 2.38.5 and 2.9.19, with `--no-browser` (and `--use-device-code`).
    const WITHOUT_BROWSER: &str = "\
Browser will not be automatically opened.
Please visit the following URL:

https://device.sso.us-west-2.amazonaws.com/

Then enter the code:

IGIR-CRTF

Alternatively, you may visit the following URL which will autofill the code upon loading:
https://device.sso.us-west-2.amazonaws.com/?user_code=IGIR-CRTF
";

    /// 2.9.19, `sso login --profile=demo`.
    const OLD: &str = "\
Attempting to automatically open the SSO authorization page in your default browser.
If the browser does not open or you wish to use a different device to authorize this request, open the following URL:

https://device.sso.us-west-2.amazonaws.com/

Then enter the code:

HBJI-PKLU
";

    #[test]
    fn a_browser_on_this_machine_needs_no_code() {
        let invitation = Invitation::read(BROWSER).expect("complete");
        assert!(invitation.url.ends_with("code_challenge=Iyj0"));
        assert_eq!(invitation.user_code, None);
    }

    #[test]
    fn page_and_code_of_a_device_are_read() {
        for (said, code) in [(WITHOUT_BROWSER, "IGIR-CRTF"), (OLD, "HBJI-PKLU")] {
            let invitation = Invitation::read(said).expect("complete");
            let url = "https://device.sso.us-west-2.amazonaws.com/";
            assert_eq!(invitation.url, url);
            assert_eq!(invitation.user_code.as_deref(), Some(code));
        }
    }

    #[test]
    fn half_an_invitation_is_none() {
        for said in [BROWSER, WITHOUT_BROWSER, OLD] {
            let complete = Invitation::read(said);
            for length in 0..said.len() {
                let read = Invitation::read(&said[..length]);
                assert!(read.is_none() || read == complete, "{:?}", &said[..length]);
            }
        }
        let error = "\naws: [ERROR]: Could not connect to the endpoint URL: \"https://x/y\"\n";
        assert_eq!(Invitation::read(error), None);
    }

    #[test]
    fn neither_code_nor_state_is_shown() {
        for said in [BROWSER, WITHOUT_BROWSER] {
            let shown = format!("{:?}", Invitation::read(said));
            assert!(
                !shown.contains("edf1") && !shown.contains("IGIR"),
                "{shown}"
            );
            assert!(shown.contains("amazonaws.com/"), "{shown}");
        }
    }
}
