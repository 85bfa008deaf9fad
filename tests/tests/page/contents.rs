//! What the page tells.

use std::time::Duration;

use serde_json::{Value, json};
use simulated_aws::{Action, Fault, Operation};
use tests::sso_world::in_state;
use tests::{Proxy, Scratch, eventually, raw_request, throughout};

use crate::scene::{HOSTILE, HOSTILE_PATH, LONG, STATES, Scene, seconds_between, status};

/// What a person reads first in each state.
fn title(state: &str) -> &'static str {
    match state {
        "valid" => "Ready",
        "refreshing" => "Getting credentials",
        "login-required" => "A login is needed",
        "offline" => "AWS cannot be reached",
        "clock-skew" => "This machine's clock is wrong",
        "denied" => "AWS denies the credentials",
        "config-error" => "The configuration needs a change",
        other => panic!("no such state: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_told_with_its_meaning_and_its_cure() {
    for state in STATES {
        let scene = Scene::in_state(state).await;
        let status = scene.status().await;
        let told = &status["state"];
        assert_eq!(
            (&told["name"], &told["title"]),
            (&json!(state), &json!(title(state)))
        );
        let meaning = told["meaning"].as_str().expect("a meaning");
        assert!(
            meaning.starts_with("Cached artifacts are served."),
            "{meaning}"
        );
        let is_trouble = !matches!(state, "valid" | "refreshing");
        assert_eq!(told["reason"].is_string(), is_trouble, "{told}");
        assert_eq!(told["cure"].is_string(), is_trouble, "{told}");
        assert!(seconds_between(&told["since"], &status["now"]) >= 0);
        let html = scene.html().await;
        let shown = title(state).replace('\'', "&#39;");
        assert!(html.contains(&format!("<title>{shown} – bazel-proxy</title>")));
        assert!(
            html.contains(&format!("<span>{shown}</span></h1>")),
            "{html}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_needed_login_comes_with_the_command_and_what_the_host_was_asked() {
    let scene = Scene::logged_out().await;
    let _asked = scene.world.signalled().await;
    let status = scene
        .until("the request is seen", |status| !status["signal"].is_null())
        .await;
    assert_eq!(status["state"]["command"], "aws sso login --profile team");
    let signal = &status["signal"];
    assert_eq!(
        (&signal["profile"], &signal["sso_session"]),
        (&json!("team"), &json!("corp"))
    );
    assert_eq!(
        (&signal["is_for_this_profile"], &signal["is_rehearsal"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(signal["code"], "InvalidGrantException");
    assert!(signal["next_attempt_after"].is_null() && signal["last_error"].is_null());
    let html = scene.html().await;
    assert!(html.contains(r#"<code id="command">aws sso login --profile team</code>"#));
    assert!(
        html.contains("goes on by itself within 2 s of it"),
        "the whole cure"
    );
    assert!(html.contains("The host has been asked for this login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_the_hosts_attempt_is_told() {
    let scene = Scene::logged_out().await;
    let mut signal = scene.world.signalled().await;
    let soon = jiff::Timestamp::now().as_second() + 600;
    signal["nextAttemptAfter"] = json!(soon);
    signal["lastError"] = json!("nobody answered <the page>");
    replace(&scene, &signal);
    let status = scene
        .until("the attempt is told", |status| {
            status["signal"]["last_error"].is_string()
        })
        .await;
    let next = &status["signal"]["next_attempt_after"];
    assert!(seconds_between(&status["now"], next) > 500, "{status}");
    let html = scene.html().await;
    assert!(html.contains("Its last attempt came to: nobody answered &lt;the page&gt;."));
    assert!(html.contains("It tries again not before"));

    signal["profile"] = json!("other");
    signal["ssoSession"] = json!("elsewhere");
    replace(&scene, &signal);
    scene
        .until("it is another's", |status| {
            status["signal"]["is_for_this_profile"] == false
        })
        .await;
    assert!(
        scene
            .html()
            .await
            .contains("another profile first: <code>other</code>")
    );
}

/// Writes the signal as the agent does.
#[expect(clippy::disallowed_methods, reason = "a scratch file, renamed below")]
fn replace(scene: &Scene, signal: &Value) {
    let path = scene.world.signal_path();
    let new = path.with_extension("new");
    std::fs::write(&new, signal.to_string()).expect("written");
    std::fs::rename(new, path).expect("renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_the_page_changes_no_file() {
    let scene = Scene::new().await;
    let path = scene.world.signal_path();
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    replace(&scene, &json!("half of somethi"));
    let written = std::fs::read(&path).expect("written");
    let status = scene.status().await;
    assert!(status["signal"].is_null(), "{status}");
    assert_eq!(std::fs::read(&path).expect("still there"), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_and_the_ends_of_credentials_and_login_are_told() {
    let scene = Scene::new().await;
    let status = scene
        .until("the token is told", |status| {
            !status["credentials"]["token"].is_null()
        })
        .await;
    let identity = &status["identity"];
    assert_eq!(
        (&identity["profile"], &identity["sso_session"]),
        (&json!("team"), &json!("corp"))
    );
    assert!(identity["account_id"].is_string() && identity["role_name"].is_string());
    let now = &status["now"];
    let credentials = &status["credentials"];
    let hour = 3500..3610;
    assert!(
        hour.contains(&seconds_between(now, &credentials["expires_at"])),
        "{status}"
    );
    let renewal = seconds_between(now, &credentials["renewal_at"]);
    assert!((2300..2420).contains(&renewal), "{status}");
    let token = &credentials["token"];
    assert!(
        hour.contains(&seconds_between(now, &token["expires_at"])),
        "{status}"
    );
    assert!(
        token["renewal_at"].is_string() && token["problem"].is_null(),
        "{status}"
    );
    let html = scene.html().await;
    let account = identity["account_id"].as_str().expect("an account");
    assert!(html.contains(account) && html.contains("renewed by itself, about in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_lies_ahead_is_told_while_all_is_served() {
    let scene = Scene::new().await;
    let refused = Fault::on(Operation::CreateToken).respond(400, "InvalidGrantException");
    scene.world.aws.faults().add(refused);
    scene.world.aws.sso().revoke_access_tokens();
    let _login = scene.world.sign_in_long_ago();
    let status = scene
        .until("the login ahead is told", |status| {
            !status["login_ahead"].is_null()
        })
        .await;
    assert_eq!(status["state"]["name"], "valid");
    assert_eq!(status["state"]["title"], "A login will be needed");
    assert_eq!(status["state"]["command"], "aws sso login --profile team");
    assert_eq!(scene.world.miss(&scene.proxy).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_be_renewed_are_told_while_they_serve() {
    let scene = Scene::new().await;
    let broken = Fault::on(Operation::GetRoleCredentials).respond(500, "InternalError");
    let fault = scene.world.aws.faults().add(broken);
    // A new token means new role credentials.
    let _login = scene.world.sign_in();
    let status = scene
        .until("the trouble is told", |status| {
            !status["renewal_trouble"].is_null()
        })
        .await;
    assert_eq!(status["state"]["name"], "valid");
    assert_eq!(
        status["state"]["title"],
        "The credentials cannot be renewed now"
    );
    assert_eq!(scene.world.miss(&scene.proxy).await.status, 200);
    scene.world.aws.faults().remove(fault);
    let _login = scene.world.sign_in();
    let status = scene
        .until("it is over", |status| status["renewal_trouble"].is_null())
        .await;
    assert_eq!(status["state"]["title"], "Ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_cannot_be_renewed_is_told_while_the_credentials_serve() {
    let scene = Scene::new().await;
    let cut = Fault::on(Operation::CreateToken).reset();
    scene.world.aws.faults().add(cut);
    let _login = scene.world.sign_in_for(Duration::from_secs(3));
    let status = scene
        .until("the problem is told", |status| {
            status["credentials"]["token"]["problem"].is_string()
        })
        .await;
    assert_eq!(status["state"]["name"], "valid");
    assert!(scene.html().await.contains("last renewal: "));
    let status = scene
        .until("the login has ended", |status| {
            status["credentials"]["token"]["has_ended"] == true
        })
        .await;
    assert!(
        status["credentials"]["token"]["renewal_at"].is_string(),
        "it is tried again"
    );
    assert_eq!(scene.world.miss(&scene.proxy).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_login_is_listed_and_leaves_the_list_with_it() {
    let scene = Scene::logged_out().await;
    let path = scene.put("g/wanted-1.0.jar", b"bytes");
    scene.put(HOSTILE, b"bytes");
    let work = async {
        tokio::join!(
            scene.miss_of("bazel/7.4.0", &path),
            scene.miss_of("Apache-Maven/3.9.9", &path),
            scene.miss_of("curl/8.5.0", HOSTILE_PATH),
        )
    };
    let look = async {
        let status = scene.waiting(3).await;
        let parked = &status["parked"];
        assert_eq!(parked["keys"], 2);
        let longest = parked["longest"].as_array().expect("a list");
        let find = |key: &str| {
            let found = longest.iter().find(|waiting| waiting["key"] == key);
            found.unwrap_or_else(|| panic!("{key} in {parked}")).clone()
        };
        let wanted = find("g/wanted-1.0.jar");
        assert_eq!(wanted["requests"], 2);
        let mut clients: Vec<_> = wanted["clients"].as_array().expect("names").clone();
        clients.sort_by_key(Value::to_string);
        assert_eq!(clients, ["Bazel", "Maven"]);
        assert_eq!(find(HOSTILE)["clients"], json!([]));
        let html = scene.html().await;
        assert!(html.contains("g/wanted-1.0.jar") && html.contains("2 requests, "));
        let _login = scene.world.sign_in();
    };
    let ((bazel, maven, curl), ()) = tokio::join!(work, look);
    for answer in [bazel, maven, curl] {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let status = scene.waiting(0).await;
    assert_eq!(status["parked"]["longest"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_sent_to_the_same_place_again_has_waited_all_the_time() {
    let scene = Scene::logged_out().await;
    let path = scene.put("g/a.jar", b"bytes") + "?w=4";
    let asked = scene.miss_of("bazel/7.4.0", &path);
    let look = async {
        let status = scene.waiting(1).await;
        let waiting = &status["parked"]["longest"][0];
        assert_eq!(waiting["key"], "g/a.jar");
        // Four holds of 15 s came before this one.
        let waited = seconds_between(&waiting["since"], &status["now"]);
        assert!((60..75).contains(&waited), "{status}");
    };
    tokio::select! {
        _ = asked => panic!("it waits for less than a hold"),
        () = look => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_wait_the_longest_are_listed_and_the_others_counted() {
    let scene = Scene::logged_out().await;
    let paths: Vec<_> = (0..30)
        .map(|number| format!("/g/many-{number}.jar"))
        .collect();
    let asked = paths.iter().map(|path| scene.miss_of("curl/8.5.0", path));
    let asked = futures_util::future::join_all(asked);
    let look = async {
        let status = scene.waiting(30).await;
        assert_eq!(status["parked"]["keys"], 30);
        assert_eq!(
            status["parked"]["longest"].as_array().map(Vec::len),
            Some(20)
        );
        assert!(scene.html().await.contains("and 10 more artifacts"));
    };
    tokio::select! {
        _ = asked => panic!("they do not wait"),
        () = look => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_told_with_their_progress() {
    let scene = Scene::new().await;
    let body = vec![7; 2 << 20];
    let path = scene.put("g/big.jar", &body);
    scene.slow_down("g/big.jar", 300_000);
    let download = scene.proxy.begin("GET", &path, &[]).await;
    let progress = |status: &Value| {
        let download = &status["downloads"]["longest"][0];
        download["received_bytes"].as_u64().unwrap_or(0)
    };
    let status = scene
        .until("it has begun", |status| progress(status) > 0)
        .await;
    let told = &status["downloads"]["longest"][0];
    assert_eq!(status["downloads"]["count"], 1);
    assert_eq!(
        (&told["key"], &told["size_bytes"]),
        (&json!("g/big.jar"), &json!(2 << 20))
    );
    assert!(seconds_between(&told["since"], &status["now"]) >= 0);
    let before = progress(&status);
    let status = scene
        .until("it goes on", |status| progress(status) > before)
        .await;
    assert!(progress(&status) <= 2 << 20);
    assert!(status["downloads"]["longest"][0]["bytes_per_second"].as_u64() > Some(0));
    let html = scene.html().await;
    assert!(
        html.contains(r#"<progress max="2097152" value=""#),
        "{html}"
    );
    let answer = download.finish().await;
    assert_eq!(answer.body, body);
    scene
        .until("it has landed", |status| status["downloads"]["count"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_s3_has_not_answered_is_told_as_such() {
    let scene = Scene::new().await;
    let path = scene.put("g/slow.jar", b"bytes");
    let slow = Fault::on(Operation::GetObject).key("g/slow.jar");
    scene.world.aws.faults().add(slow.delay(LONG));
    let asked = scene.proxy.get(&path);
    let look = async {
        let status = scene
            .until("it is asked for", |status| {
                status["downloads"]["count"] == 1
            })
            .await;
        let told = &status["downloads"]["longest"][0];
        assert!(told["size_bytes"].is_null(), "{told}");
        assert!(scene.html().await.contains("asked for "));
    };
    tokio::select! {
        answer = asked => panic!("S3 has answered: {}", answer.status),
        () = look => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cache_holds_is_told() {
    let scene = Scene::new().await;
    let path = scene.put("g/a.jar", &vec![1; 100_000]);
    scene.hit(&path).await;
    let status = scene
        .until("it is counted", |status| {
            status["cache"]["objects"] == 1 && status["cache"]["is_counted"] == true
        })
        .await;
    let cache = &status["cache"];
    let number = |name: &str| {
        cache[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {cache}"))
    };
    assert!(
        (100_000..200_000).contains(&number("occupied_bytes")),
        "{cache}"
    );
    assert!(number("max_bytes") > number("occupied_bytes"));
    assert_eq!(number("min_available_bytes"), 1 << 20);
    assert!(number("available_bytes") > 0);
    assert_eq!(
        cache["folder"],
        scene.world.scratch.cache().display().to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_the_cache_is_counted() {
    let scene = Scene::new().await;
    let path = scene.put("g/a.jar", &[1; 1000]);
    assert_eq!(scene.proxy.get(&path).await.status, 200);
    scene.hit(&path).await;
    assert_eq!(scene.proxy.get("/g/none.jar").await.status, 404);
    let status = scene
        .until("they are counted", |status| {
            status["traffic"]["from_cache_bytes"] != 0
        })
        .await;
    let traffic = &status["traffic"];
    let number = |name: &str| traffic[name].as_u64().expect("a number");
    // The second GET may have read along with the first one's download.
    let (hits, misses) = (number("hits"), number("misses"));
    assert!(hits == 1 && misses >= 1, "{traffic}");
    assert_eq!(number("hit_percent"), 100 / (1 + misses), "{traffic}");
    assert_eq!(number("from_cache_bytes"), 1000, "{traffic}");
    assert_eq!(number("from_origin_bytes"), 1000 * misses, "{traffic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_told_once_a_kind_with_its_cure() {
    let scene = Scene::new().await;
    let path = scene.put("g/denied.jar", b"x");
    let log = scene.world.aws.counters().log();
    assert_eq!(scene.status().await["troubles"], json!([]));
    assert_eq!(
        scene.proxy.get("/g/none.jar").await.status,
        404,
        "no trouble"
    );
    drop(log);
    let log = scene.world.aws.counters().log();
    let key = log.iter().rev().find_map(|call| call.access_key_id.clone());
    let key = key.expect("a signed call");
    scene.world.aws.identities().deny(&key, Action::GetObject);
    for _ in 0..3 {
        assert_eq!(scene.proxy.get(&path).await.status, 403);
    }
    let status = scene.status().await;
    let troubles = status["troubles"].as_array().expect("a list");
    assert_eq!(troubles.len(), 1, "{status}");
    let trouble = &troubles[0];
    assert_eq!(
        (&trouble["title"], &trouble["count"]),
        (&json!("S3 denies access"), &json!(3))
    );
    assert_eq!(trouble["key"], "g/denied.jar");
    assert!(
        trouble["cure"]
            .as_str()
            .is_some_and(|cure| cure.contains("s3:GetObject"))
    );
    assert!(seconds_between(&trouble["first"], &trouble["last"]) >= 0);
    let html = scene.html().await;
    assert!(html.contains("S3 denies access") && html.contains("3 times, last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_broke_off_is_trouble_too() {
    let scene = Scene::new().await;
    let path = scene.put("g/altered.jar", &vec![1; 300_000]);
    let altered = Fault::on(Operation::GetObject).key("g/altered.jar");
    scene.world.aws.faults().add(altered.flip_byte(1000));
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let received = raw_request(scene.proxy.address(), request.as_bytes()).await;
    assert!(received.len() < 300_000, "it is not given to its end");
    let status = scene
        .until("it is told", |status| !status["troubles"][0].is_null())
        .await;
    let trouble = &status["troubles"][0];
    assert_eq!(trouble["title"], "The download went wrong");
    assert_eq!(trouble["key"], "g/altered.jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_does_not_answer_is_told_beside_good_credentials() {
    let scene = Scene::new().await;
    let path = scene.put("g/a.jar", b"x");
    let broken = Fault::on(Operation::GetObject).respond(503, "ServiceUnavailable");
    scene.world.aws.faults().add(broken);
    assert_eq!(scene.proxy.get(&path).await.status, 503);
    let status = scene.status().await;
    assert_eq!(status["state"]["name"], "valid");
    assert_eq!(status["state"]["title"], "Requests have failed lately");
    assert!(status["state"]["reason"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_is_told_and_how_it_is() {
    let Scene { proxy, world } = Scene::new().await;
    assert!(status(&proxy).await["upstream"].is_null());
    drop(proxy);
    let elsewhere = Scratch::new();
    let upstream = Proxy::start(&elsewhere, &world.aws).await;
    let builder = world.builder().env("UPSTREAM_PROXY_URL", &upstream.url());
    let proxy = builder.start().await;
    let told = status(&proxy).await;
    assert_eq!(told["upstream"]["url"], upstream.url());
    assert_eq!(told["upstream"]["state"], "not-asked-yet");
    let meaning = told["state"]["meaning"].as_str().expect("a meaning");
    assert!(meaning.contains("so is what the upstream has"), "{meaning}");
    assert_eq!(world.miss(&proxy).await.status, 200);
    assert_eq!(status(&proxy).await["upstream"]["state"], "answering");
    let numbers = proxy.get("/metrics").await.text();
    assert!(
        numbers.contains("bazel_proxy_upstream_away 0\n"),
        "{numbers}"
    );
    drop(upstream);
    assert_eq!(world.miss(&proxy).await.status, 200, "from S3");
    let told = status(&proxy).await;
    assert_eq!(told["upstream"]["state"], "away");
    assert!(told["upstream"]["reason"].is_string() && told["upstream"]["cure"].is_string());
    let meaning = told["state"]["meaning"].as_str().expect("a meaning");
    assert!(!meaning.contains("upstream"), "{meaning}");
    let numbers = proxy.get("/metrics").await.text();
    assert!(
        numbers.contains("bazel_proxy_upstream_away 1\n"),
        "{numbers}"
    );
    let html = proxy.get("/status").await.text();
    assert!(html.contains("left alone for now: "), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_stays_text() {
    let scene = Scene::logged_out().await;
    let asked = scene.miss_of("Mozilla/5.0", HOSTILE_PATH);
    let look = async {
        scene.waiting(1).await;
        scene.html().await
    };
    let (answer, waiting) = tokio::join!(asked, look);
    assert_eq!(answer.status, 503);
    let status = scene.status().await;
    assert_eq!(status["troubles"][0]["key"], HOSTILE);
    let troubled = scene.html().await;
    for html in [waiting, troubled] {
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;&#39;&quot;&amp;{{7*7}}`id`"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_on_the_page() {
    let scene = Scene::new().await;
    let mut told = Vec::new();
    let mut look = async || {
        told.push(scene.status().await.to_string());
        told.push(scene.html().await);
    };
    look().await;
    scene
        .miss_of("curl/8.5.0", "/g/none.jar?token=very-secret")
        .await;
    look().await;
    scene.log_out().await;
    let asked = scene.miss_of("Mozilla/5.0", "/g/a.jar?X-Amz-Signature=very-secret");
    let looked = async {
        scene.waiting(1).await;
        look().await;
    };
    tokio::join!(asked, looked);
    look().await;
    let token = std::fs::read_to_string(scene.world.token_path()).expect("a token");
    let token: Value = serde_json::from_str(&token).expect("JSON");
    let text = |name: &str| token[name].as_str().expect(name).to_owned();
    let mut secrets = vec!["very-secret".to_owned(), "IQoJb3JpZ2luX2Vj".to_owned()];
    secrets.extend(["accessToken", "refreshToken", "clientSecret"].map(text));
    let log = scene.world.aws.counters().log();
    secrets.extend(log.into_iter().filter_map(|call| call.access_key_id));
    assert!(secrets.len() > 5, "{secrets:?}");
    for text in told {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_lookers_costs_no_call_to_aws() {
    let scene = Scene::new().await;
    in_state(&scene.proxy, "valid").await;
    let before = scene.world.aws.counters().total();
    let looks = (0..50).map(|_| scene.status());
    futures_util::future::join_all(looks).await;
    assert_eq!(scene.world.aws.counters().total(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_its_version_and_where_it_listens() {
    let scene = Scene::new().await;
    let status = scene.status().await;
    let program = &status["program"];
    assert_eq!(program["version"], env!("CARGO_PKG_VERSION"));
    let address = scene.proxy.address().to_string();
    let listening = program["listening"].as_array().expect("a list");
    assert!(listening.contains(&json!(address)), "{program}");
    assert!(
        program["repository"]
            .as_str()
            .is_some_and(|name| name.ends_with("/artifacts/"))
    );
    assert_eq!(program["login_wait_seconds"], 300);
    eventually("time passes", async || {
        scene.status().await["program"]["uptime_seconds"].as_u64() > Some(0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_looked_at_changes_nothing_of_what_is_served() {
    let scene = Scene::new().await;
    let path = scene.put("g/a.jar", b"bytes");
    scene.hit(&path).await;
    let second = Duration::from_secs(1);
    throughout(second, "hits are served", async || {
        scene.status().await;
        scene.proxy.get(&path).await.is_hit()
    })
    .await;
}
