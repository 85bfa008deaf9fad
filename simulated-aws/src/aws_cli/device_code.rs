//! The sign-in with a device code: the page is shown, a person allows it there, the tokens are fetched.

use std::time::{Duration, SystemTime};

use sso_session::config::SsoSession;

use super::browser::Browser;
use super::complaint::Complaint;
use super::oidc::{Authorization, Client, Oidc, Outcome, Tokens};
use super::say;
use crate::Login;

/// Whoever asks too often waits so much longer from then on (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// Asks for a code, and waits until a person has decided. The page is shown, and opened, once AWS has said
/// that it waits.
pub(super) async fn sign_in(
    oidc: &Oidc,
    session: &SsoSession,
    client: Client,
    browser: &Browser,
    now: impl Fn() -> SystemTime,
) -> Result<Login, Complaint> {
    let authorization = oidc.begin(session, &client).await?;
    let mut interval = authorization.interval;
    let mut is_shown = false;
    loop {
        match oidc.token(&client, &authorization).await? {
            Outcome::Tokens(tokens) => return Ok(login(session, client, tokens, now())),
            Outcome::Pending => {}
            Outcome::SlowDown => interval += SLOWER,
        }
        if !std::mem::replace(&mut is_shown, true) {
            show(&authorization, browser).await;
        }
        tokio::time::sleep(interval).await;
    }
}

async fn show(authorization: &Authorization, browser: &Browser) {
    let (page, code) = (&authorization.page, &authorization.user_code);
    let page_with_code = &authorization.page_with_code;
    if *browser == Browser::None {
        say(&format!(
            "Browser will not be automatically opened.\nPlease visit the following URL:\n\n{page}\n\n\
             Then enter the code:\n\n{code}\n\nAlternatively, you may visit the following URL which will \
             autofill the code upon loading:\n{page_with_code}"
        ));
    } else {
        say(&format!(
            "Attempting to open your default browser.\nIf the browser does not open or you wish to use a \
             different device to authorize this request, open the following URL:\n\n{page}\n\nThen enter \
             the code:\n\n{code}"
        ));
        browser.open(page_with_code).await;
    }
}

fn login(session: &SsoSession, client: Client, tokens: Tokens, now: SystemTime) -> Login {
    Login {
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        client_id: client.id,
        client_secret: client.secret,
        expires_at: now + tokens.life,
        registration_expires_at: client.expires_at,
        start_url: session.start_url.clone(),
        region: session.region.clone(),
        scopes: session.scopes.clone(),
    }
}
