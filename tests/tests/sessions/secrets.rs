//! No secret leaves its place, whatever goes wrong and however much is logged.

use std::time::Duration;

use tests::SsoWorld;
use tests::sso_world::{in_state, json_file};

use crate::support::{on_portal, on_refresh, write};

/// How access tokens, refresh tokens and session tokens of the simulated AWS begin.
const BEGINNINGS: [&str; 3] = ["aoaAAAAAG", "aorAAAAAG", "IQoJb3JpZ2luX2Vj"];

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_log_text_or_signal() {
    let world = SsoWorld::new().await;
    let sso = world.aws.sso();
    let life = Duration::from_secs(3);
    sso.set_access_token_life(life)
        .set_role_credentials_life(life);
    let mut logins = vec![world.sign_in_long_ago()];
    let proxy = world.builder().env("LOG_LEVEL", "trace").start().await;
    let mut told = Vec::new();
    world.served(&proxy).await;
    told.push(proxy.get("/readyz").await.text());
    let renewed = json_file(&world.token_path()).expect("a token");

    for fault in [
        on_portal().respond(401, "UnauthorizedException"),
        on_refresh().respond(400, "InvalidRequestException"),
        on_refresh().respond(400, "InvalidGrantException"),
    ] {
        let fault = world.aws.faults().add(fault);
        sso.revoke_access_tokens();
        sso.expire_role_credentials();
        let answer = world.miss(&proxy).await;
        told.extend([answer.text(), format!("{:?}", answer.headers)]);
        told.push(proxy.get("/readyz").await.text());
        world.aws.faults().remove(fault);
        logins.push(world.sign_in());
        world.served(&proxy).await;
    }
    let text = std::fs::read(world.token_path()).expect("a token");
    write(&world.token_path(), &text[..text.len() - 30]);
    sso.end_sessions();
    sso.expire_role_credentials();
    told.push(world.miss(&proxy).await.text());
    std::fs::remove_file(world.token_path()).expect("removed");
    logins.push(world.sign_in_long_ago());
    sso.end_sessions();
    in_state(&proxy, "login-required").await;
    told.push(world.miss(&proxy).await.text());
    told.push(world.signalled().await.to_string());
    told.push(proxy.log());

    let mut secrets: Vec<_> = BEGINNINGS.map(str::to_owned).to_vec();
    secrets.extend(logins.into_iter().map(|login| login.client_secret));
    secrets.extend(renewed["clientSecret"].as_str().map(str::to_owned));
    for text in &told {
        for secret in &secrets {
            let found = text.lines().find(|line| line.contains(secret));
            assert!(found.is_none(), "{secret} is in: {found:?}");
        }
    }
}
