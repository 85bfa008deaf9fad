//! One of many processes that renew the same token at once: at each line of its input it renews the
//! token that it reads, and writes what became of it.
//!
//! usage: renew-at-once TOKEN_FOLDER STATE_FOLDER TOKEN_FILE REGISTRATION_FILE REGION ENDPOINT

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use aws_smithy_http_client::Builder;
use sso_session::oidc::Oidc;
use sso_session::refresh::{Renewed, Renewer};
use sso_session::token::{Reading, Token};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [tokens, state, token, registration, region, endpoint] = &arguments[..] else {
        eprintln!("six arguments are wanted");
        std::process::exit(64);
    };
    let oidc = Oidc::new(region, Some(endpoint), Builder::new().build_http());
    let renewer = Renewer::new(
        Path::new(tokens),
        Path::new(state),
        token,
        registration,
        oidc,
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for _line in std::io::stdin().lock().lines() {
        let outcome = runtime.block_on(renew(&renewer));
        println!("{outcome}");
        std::io::stdout().flush().expect("said");
    }
}

async fn renew(renewer: &Renewer) -> String {
    let seen: Token = match renewer.token_file().read_settled().await {
        Reading::Found(token) => token,
        other @ (Reading::Absent | Reading::Unreadable(_)) => return format!("{other:?}"),
    };
    match renewer.renew(&seen, now).await {
        Ok(Renewed::Granted(_)) => "granted".to_owned(),
        Ok(Renewed::Found(_)) => "found".to_owned(),
        Ok(Renewed::Unsaved(_, error)) => format!("unsaved: {error}"),
        Err(error) => format!("{error:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program's rim")]
fn now() -> SystemTime {
    SystemTime::now()
}
