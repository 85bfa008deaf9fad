//! Who may ask: keys, session tokens, and sessions that end.

use serde_json::json;
use tests::{Answer, Proxy, ProxyBuilder, eventually};

use super::gateway::Session;
use super::{Shop, hit};
use crate::bucket::write;

/// `~/.aws/config` with a profile `work` whose credentials come from a program.
const WITH_PROCESS: &str = "[profile work]\ncredential_process = cat session.json\n";

impl Shop {
    /// What the program of profile `work` prints from now on.
    fn give(&self, session: &Session) {
        let given = json!({
            "Version": 1,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.token,
            "Expiration": session.expiration,
        });
        let new = self.scratch.path().join("session.json.new");
        write(&new, &given.to_string());
        let place = self.scratch.path().join("session.json");
        std::fs::rename(new, place).expect("renamed");
    }

    fn proxy_with_profile(&self) -> ProxyBuilder {
        // The answer itself is looked at, so nobody waits for a login.
        self.proxy().profile("work").env("LOGIN_WAIT", "0")
    }

    fn write_shared_credentials(&self, session: &Session) {
        self.scratch.write_credentials(&format!(
            "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            session.access_key_id, session.secret_access_key, session.token,
        ));
    }
}

/// Never what a build tool would take for "not here, ask the next repository".
fn assert_login_trouble(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(!answer.header("retry-after").is_empty());
}

async fn served(proxy: &Proxy, path: &str) -> bool {
    let answer = proxy.get(path).await;
    if answer.status != 200 {
        assert_login_trouble(&answer);
    }
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_token_of_a_real_sts_is_sent() {
    let Some(shop) = Shop::open("token").await else {
        return;
    };
    shop.put("g/a.jar", b"with a token".to_vec()).await;
    shop.write_shared_credentials(&shop.gateway.assume_role(900).await);
    let proxy = shop.proxy_with_profile().start().await;
    assert_eq!(proxy.get("/g/a.jar").await.text(), "with a token");
    assert_eq!(proxy.get("/g/none.jar").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_session_that_ends_is_503_for_misses_until_the_next_one_comes() {
    let Some(shop) = Shop::open("ending").await else {
        return;
    };
    for key in ["hit.jar", "miss.jar"] {
        shop.put(key, key.as_bytes().to_vec()).await;
    }
    shop.scratch.write_config(WITH_PROCESS);
    shop.give(&shop.gateway.assume_role(3).await);
    let proxy = shop.proxy_with_profile().start().await;
    assert_eq!(hit(&proxy, "/hit.jar").await.text(), "hit.jar");

    let mut number = 0;
    let mut refused = None;
    eventually("the session ends", async || {
        number += 1;
        let key = format!("new-{number}.jar");
        shop.put(&key, b"new".to_vec()).await;
        let answer = proxy.get(&format!("/{key}")).await;
        let ended = answer.status != 200;
        refused = ended.then_some(answer);
        ended
    })
    .await;
    let refused = refused.expect("found above");
    assert_login_trouble(&refused);
    assert!(refused.text().contains("work"), "{}", refused.text());
    assert_login_trouble(&proxy.get("/miss.jar").await);
    assert_login_trouble(&proxy.head("/miss.jar").await);
    assert_login_trouble(&proxy.get("/none.jar").await);
    let cached = proxy.get("/hit.jar").await;
    assert!(cached.is_hit() && cached.body == "hit.jar");

    shop.give(&shop.gateway.assume_role(900).await);
    eventually("the new session is used", async || {
        served(&proxy, "/miss.jar").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_at_a_real_s3_is_503_until_the_file_is_mended() {
    let Some(shop) = Shop::open("secret").await else {
        return;
    };
    shop.put("g/a.jar", b"mended".to_vec()).await;
    let good = shop.gateway.assume_role(900).await;
    let wrong = Session {
        secret_access_key: "wrong".to_owned(),
        ..good.clone()
    };
    shop.write_shared_credentials(&wrong);
    let proxy = shop.proxy_with_profile().start().await;
    for path in ["/g/a.jar", "/g/none.jar", "/g/"] {
        assert_login_trouble(&proxy.get(path).await);
    }
    assert_login_trouble(&proxy.head("/g/a.jar").await);
    shop.write_shared_credentials(&good);
    eventually("the right secret is used", async || {
        served(&proxy, "/g/a.jar").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_real_s3_does_not_know_is_never_404() {
    let Some(shop) = Shop::open("unknown-key").await else {
        return;
    };
    shop.put("g/a.jar", b"not for you".to_vec()).await;
    let unknown = Session {
        access_key_id: "NOSUCHACCESSKEY00001".to_owned(),
        ..shop.gateway.assume_role(900).await
    };
    for session in [
        Session {
            token: "bm90IGEgdG9rZW4=".to_owned(),
            ..unknown.clone()
        },
        unknown,
    ] {
        shop.write_shared_credentials(&session);
        let proxy = shop.proxy_with_profile().start().await;
        for path in ["/g/a.jar", "/g/none.jar"] {
            assert_login_trouble(&proxy.get(path).await);
            assert_login_trouble(&proxy.head(path).await);
        }
        assert_login_trouble(&proxy.get("/g/").await);
        drop(proxy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_at_a_real_s3_says_that_it_is_ready() {
    let Some(shop) = Shop::open("ready").await else {
        return;
    };
    let proxy = shop.proxy().start().await;
    eventually("it is ready", async || {
        proxy.get("/readyz").await.status == 200
    })
    .await;
}
