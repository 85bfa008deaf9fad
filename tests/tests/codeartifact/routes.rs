//! Which URLs are CodeArtifact's, and which methods mean something there.

use serde_json::Value;
use simulated_aws::Operation;
use tests::scratch::BUCKET;
use tests::{eventually, raw_request};

use crate::world::{Setting, World, upstream};

/// An upload that no buffer on the way holds.
const LARGE: u64 = 50 << 20;

/// A world whose bucket has an object of this key.
async fn with_object(key: &str) -> World {
    let world = World::seeded(&["first"]).await;
    let put = world.sso.aws.s3().put(BUCKET, key, b"of the bucket");
    put.expect("an object");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_configured_is_404_and_nobody_is_asked() {
    for (key, says) in [
        (
            "codeartifact/other/pypi/simple/x/x.whl",
            "no repository of CodeArtifact is configured as `other`",
        ),
        ("codeartifact/main/nuget/x", "`nuget`"),
        ("codeartifact/", "/codeartifact/main/npm/"),
        ("12345678901/us-west-2/acme/all/simple/x/x.whl", "12 digits"),
        (
            "012345678901/eu-central-1/acme/all/simple/x/x.whl",
            "is not configured",
        ),
    ] {
        let world = with_object(key).await;
        let calls = world.sso.aws.counters().log().len();
        let answer = world.proxy.get(&format!("/{key}")).await;
        assert_eq!(answer.status, 404, "{key}");
        assert!(answer.text().contains(says), "{key}: {}", answer.text());
        assert_eq!(world.asked().len(), 0, "{key}");
        let objects = |calls: Vec<simulated_aws::Call>| {
            calls
                .iter()
                .filter(|call| call.operation == Operation::GetObject)
                .count()
        };
        assert_eq!(
            objects(world.sso.aws.counters().log()[calls..].to_vec()),
            0,
            "{key}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_proxy_asks_for_the_bucket_whatever_it_is_called() {
    let world = with_object("codeartifact/main/pypi/a.jar").await;
    let path = "/codeartifact/main/pypi/a.jar";
    let via = [("via", "1.1 bazel-proxy-0123456789abcdef")];
    let answer = world.proxy.get_with(path, &via).await;
    assert_eq!(answer.text(), "of the bucket");
    assert_eq!(world.proxy.get(path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_has_one_page_and_others_lead_to_it() {
    let world = World::seeded(&["first"]).await;
    for (path, location) in [
        ("/pypi/simple/acme-first", "acme-first/"),
        ("/pypi/simple/Acme_First", "acme-first/"),
        ("/pypi/simple/Acme.First/", "../acme-first/"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (301, location),
            "{path}"
        );
    }
    assert_eq!(world.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_off_and_says_how_it_is_turned_on() {
    let world = World::seeded(&[]).await;
    let paths = ["/pypi/", "/maven/com/acme/a/1/a-1.jar", "/npm/@acme%2fa"];
    for (method, path) in ["POST", "PUT", "PUT"].into_iter().zip(paths) {
        let answer = world.request(method, path, &[]).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), "GET, HEAD");
        assert!(
            answer.text().contains("`publish: true`"),
            "{}",
            answer.text()
        );
    }
    // One who still sends sees the answer, and no reset.
    assert_eq!(
        world.put_zeros("/maven/com/acme/a/1/a-1.jar", LARGE).await,
        405
    );
    assert_eq!(world.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_before_it_sends_is_told_before_it_sends() {
    let world = World::seeded(&[]).await;
    let ask = async |body: &str| {
        let request = format!(
            "PUT /codeartifact/main/maven/com/acme/a/1/a-1.jar HTTP/1.1\r\nHost: localhost\r\n\
             Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n{body}"
        );
        let answer = raw_request(world.proxy.address(), request.as_bytes()).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let refused = ask("").await;
    assert!(refused.starts_with("HTTP/1.1 405 "), "{refused}");
    world.configure(&upstream("publish: true"));
    eventually("it may be published", async || {
        let taken = ask("jar").await;
        taken.starts_with("HTTP/1.1 100 ") && taken.contains("\r\nHTTP/1.1 20")
    })
    .await;
    let path = "com/acme/a/1/a-1.jar";
    let published = world.repository.read(simulated_aws::Format::Maven, path);
    assert_eq!(published.as_deref(), Some(b"jar".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_publishing_is_refused_also_where_that_is_on() {
    let setting = Setting::new().await;
    setting.configure(&upstream("publish: true"));
    let _login = setting.sso.sign_in();
    let world = setting.start().await;
    for (method, path, allowed) in [
        ("PUT", "/npm/-/user/org.couchdb.user:me", "GET, HEAD"),
        (
            "POST",
            "/npm/-/npm/v1/security/advisories/bulk",
            "GET, HEAD",
        ),
        ("DELETE", "/npm/left-pad/-rev/1-a", "GET, HEAD"),
        ("POST", "/pypi/simple/", "GET, HEAD"),
        ("PUT", "/pypi/", "GET, HEAD, POST"),
        ("DELETE", "/maven/g/a/1/a-1.jar", "GET, HEAD, PUT"),
        ("OPTIONS", "/npm/left-pad", "GET, HEAD, PUT"),
    ] {
        let answer = world.request(method, path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, allowed),
            "{path}"
        );
    }
    assert_eq!(world.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_not_kept_is_passed_on() {
    let world = World::seeded(&["first"]).await;
    assert_eq!(world.get("/npm/-/ping").await.status, 200);
    // What the proxy itself has added is none of CodeArtifact's business.
    assert_eq!(world.get("/npm/-/ping?w=2&all=1").await.status, 200);
    let asked = world.asked();
    let last = asked.last().expect("a call").clone();
    assert!(
        crate::calls::target(&last).ends_with("/-/ping?all=1"),
        "{last:?}"
    );
    let pings = asked
        .iter()
        .filter(|call| crate::calls::path(call).ends_with("/-/ping"));
    assert_eq!(pings.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_told_of_each_repository_and_recovers() {
    let setting = Setting::new().await;
    let world = setting.start().await;
    let path = "/readyz/codeartifact/main";
    eventually("nobody has signed in", async || {
        let answer = world.proxy.get(path).await;
        answer.status == 503 && answer.text().contains("aws sso login")
    })
    .await;
    let _login = world.sso.sign_in();
    eventually("it is ready", async || {
        world.proxy.get(path).await.status == 200
    })
    .await;
    let answer = world.proxy.get(path).await;
    let one: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(one["token_until"].is_string(), "{one}");
    let all = world.proxy.get("/readyz").await;
    let all: Value = serde_json::from_slice(&all.body).expect("JSON");
    assert_eq!(
        all["codeartifact"]["main"]["token_until"],
        one["token_until"]
    );
    // Told where whoever knows nothing of repositories looks, too.
    let denied = simulated_aws::Fault::on(Operation::GetAuthorizationToken);
    let denied = denied.respond(403, "AccessDeniedException");
    world.sso.aws.faults().add(denied);
    world.configure(
        &upstream("")
            .replace("  main:", "  other:")
            .replace(crate::world::DOMAIN, "acme-two"),
    );
    eventually("it is not ready for a token alone", async || {
        let all = world.proxy.get("/readyz").await;
        let all: Value = serde_json::from_slice(&all.body).expect("JSON");
        let cure = all["cure"].as_str().unwrap_or_default();
        all["ready"] == false
            && all["credentials"] == "valid"
            && all["reason"].is_string()
            && cure.contains("codeartifact:GetAuthorizationToken")
    })
    .await;
    let status = world
        .proxy
        .get_with("/status", &[("accept", "application/json")])
        .await;
    let status: Value = serde_json::from_slice(&status.body).expect("JSON");
    assert_eq!(
        status["state"]["title"], "No packages can be had",
        "{status:#}"
    );
    assert_eq!(status["state"]["tone"], "warn");
    let unknown = world.proxy.get("/readyz/codeartifact/another").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_refused_is_not_ready_until_it_answers() {
    const TOLD: &str = "a repository of CodeArtifact cannot be used";
    let world = World::seeded(&["first"]).await;
    let path = "/readyz/codeartifact/main";
    assert_eq!(world.proxy.get(path).await.status, 200);
    let denied = simulated_aws::Fault::on(Operation::ReadPackage);
    let denied = denied.respond(403, "AccessDeniedException");
    let denied = world.sso.aws.faults().add(denied);
    for page in ["/pypi/simple/acme-first/", "/npm/@acme%2ffirst"] {
        for _ in 0..3 {
            assert_eq!(world.get(page).await.status, 503);
        }
    }
    let answer = world.proxy.get(path).await;
    assert_eq!(answer.status, 503);
    let text = answer.text();
    assert!(text.contains("codeartifact:ReadFromRepository"), "{text}");
    let answer = world.proxy.get("/readyz").await;
    let all: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(
        (&all["ready"], &all["codeartifact"]["main"]["ready"]),
        (&Value::Bool(false), &Value::Bool(false)),
        "{all}"
    );
    let log = world.proxy.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains(TOLD)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["WARN", "codeartifact:ReadFromRepository", "main"] {
        assert!(told[0].contains(part), "{}", told[0]);
    }
    // Nobody asks but readiness.
    world.sso.aws.faults().remove(denied);
    eventually("it is ready again", async || {
        world.proxy.get(path).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_not_there_is_not_ready_once_it_was_asked_for() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("").replace("repository: all", "repository: none"));
    let world = setting.start().await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 503);
    let answer = world.proxy.get("/readyz/codeartifact/main").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("none"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_is_told_of_trouble_where_it_looks() {
    let world = Setting::new().await.start().await;
    let agent = [("user-agent", "bazel-proxy/0")];
    let answer = world.get_with("/npm/@acme%2ffirst", &agent).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let error = body["error"].as_str().expect("an error");
    assert!(error.contains("aws sso login"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_want_of_a_login_is_told_also_to_a_large_upload() {
    let setting = Setting::new().await;
    setting.configure(&upstream("publish: true"));
    let builder = setting.builder().env("LOGIN_WAIT", "0");
    let world = setting.start_as(builder).await;
    let path = "/maven/com/acme/a/1/a-1.jar";
    eventually("nobody has signed in", async || {
        world.get(path).await.text().contains("aws sso login")
    })
    .await;
    assert_eq!(world.put_zeros(path, LARGE).await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_publish_nothing() {
    let setting = Setting::new().await;
    setting.configure(&upstream("publish: true"));
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let world = setting.start().await;
    let page = "https://evil.example/x";
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("referer", page),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-dest", "empty"),
    ] {
        for (method, path) in [
            ("POST", "/pypi/"),
            ("PUT", "/maven/com/acme/a/1/a-1.jar"),
            ("PUT", "/npm/@acme%2fa"),
            ("DELETE", "/npm/-/package/@acme%2fa/dist-tags/beta"),
        ] {
            let answer = world.request(method, path, &[header]).await;
            assert_eq!(answer.status, 403, "{header:?} {method} {path}");
            assert!(answer.text().contains(header.0), "{}", answer.text());
        }
    }
    assert_eq!(world.asked().len(), 0);
    // Whoever reads may be a browser, and old npm says what it is about.
    let read = [("referer", page), ("sec-fetch-site", "none")];
    let page = world.get_with("/pypi/simple/acme-first/", &read).await;
    assert_eq!(page.status, 200);
    let jar = "/maven/com/acme/a/1/a-1.jar";
    let published = world
        .request(
            "PUT",
            jar,
            &[("referer", "deploy"), ("sec-fetch-mode", "cors")],
        )
        .await;
    assert!(published.status.is_success(), "{}", published.text());
    assert_eq!(world.calls(Operation::PublishPackage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_is_told_why_whatever_is_wrong() {
    let setting = Setting::new().await;
    setting.configure(&upstream("publish: true\nformats: [npm]"));
    setting.seed("first");
    let _login = setting.sso.sign_in();
    let world = setting.start().await;
    let fault = simulated_aws::Fault::on(Operation::PublishPackage);
    let fault = fault.respond(403, "AccessDeniedException");
    world.sso.aws.faults().add(fault);
    // A token that has worked: another is not suspected.
    assert_eq!(world.get("/npm/@acme%2ffirst").await.status, 200);
    let web_page = [("origin", "https://evil.example")];
    for (method, path, headers, status, told) in [
        (
            "PUT",
            "/codeartifact/main/npm/@acme%2fa",
            &[] as &[_],
            403,
            "codeartifact:PublishPackageVersion",
        ),
        (
            "PUT",
            "/codeartifact/main/npm/@acme%2fa",
            &web_page,
            403,
            "web pages",
        ),
        (
            "GET",
            "/codeartifact/other/npm/@acme%2fa",
            &[],
            404,
            "`other`",
        ),
        ("GET", "/codeartifact/main/npm/a%00b", &[], 400, ""),
        ("PUT", "/codeartifact/main/npm/-/user/x", &[], 405, "PUT"),
    ] {
        let answer = world.proxy.request(method, path, headers).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let error = body["error"].as_str().expect("an error");
        assert!(!error.is_empty() && error.contains(told), "{path}: {body}");
    }
    // Other clients read text.
    let answer = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_where_nothing_is_reads_what_is_and_what_is_missing() {
    let world = World::seeded(&["first"]).await;
    for (path, told) in [
        ("", "/codeartifact/main/pypi/simple/"),
        ("/", "/codeartifact/main/maven/"),
        ("/pypi/", "/codeartifact/main/pypi/simple/"),
        ("/pypi/simple/", "/codeartifact/main/pypi/simple/"),
        ("/npm/", "/codeartifact/main/npm/"),
        ("/maven/", "/codeartifact/main/maven/"),
        (
            "/pypi/simple/nothere/",
            "acme/all has no Python project `nothere`",
        ),
        (
            "/npm/@acme%2fnothere",
            "acme/all has no npm package `@acme/nothere`",
        ),
        (
            "/maven/g/a/1/a-1.jar",
            "acme/all has no Maven file `g/a/1/a-1.jar`",
        ),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
        if path.starts_with("/npm/") {
            let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let error = body["error"].as_str().expect("an error");
            assert!(error.contains(told), "{body}");
        }
    }
    let answer = world.request("POST", "/pypi/simple/", &[]).await;
    assert_eq!(answer.status, 405);
    let text = answer.text();
    assert!(
        text.contains("upload to /codeartifact/main/pypi/"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_has_one_line_in_the_log_with_its_file() {
    let setting = Setting::new().await;
    setting.configure(&upstream("publish: true"));
    let _login = setting.sso.sign_in();
    let world = setting.start().await;
    let wheel = crate::world::wheel_bytes("acme-new");
    let path = "/codeartifact/main/pypi/";
    let status = world.upload_wheel(path, "acme-new", &wheel).await;
    assert!((200..300).contains(&status), "{status}");
    eventually("it is logged", async || {
        world.proxy.log().contains("acme_new-1.0-py3-none-any.whl")
    })
    .await;
    let log = world.proxy.log();
    let of_upload = |line: &&str| {
        line.contains(" INFO ") && (line.contains("POST") || line.contains("acme_new"))
    };
    let lines: Vec<_> = log.lines().filter(of_upload).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("published"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_that_something_is_not_there() {
    let world = World::seeded(&[]).await;
    for path in [
        "/codeartifact/main/pypi/simple/acme-none/",
        "/codeartifact/main/npm/@acme%2fnone",
        "/codeartifact/main/maven/com/acme/none/1/none-1.jar",
        "/codeartifact/other/pypi/simple/acme-none/",
    ] {
        let answer = world.proxy.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        let said = (answer.header("cache-control"), answer.header("vary"));
        assert_eq!(said, ("no-store", "Accept"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_a_repositorys_is_never_looked_for_in_the_bucket() {
    let world = with_object("codeartifact/main/pypi/a.jar").await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    world.configure("codeartifact: {}\n");
    eventually("the repository is gone", async || {
        world.get("/pypi/simple/acme-first/").await.status == 404
    })
    .await;
    let answer = world.get("/pypi/a.jar").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(answer.text().contains("`main`"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_to_serve_a_login_that_is_needed_is_told() {
    let setting = Setting::new().await;
    let builder = setting.builder().without("S3_BUCKET_NAME");
    let world = setting.start_as(builder).await;
    world.configure("codeartifact: {}\n");
    eventually(
        "the repository is gone, and a login is needed",
        async || {
            let answer = world.proxy.get("/readyz").await;
            let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
            body["codeartifact"].is_null() && body["credentials"] == "login-required"
        },
    )
    .await;
    assert_eq!(world.proxy.get("/readyz").await.status, 503);
}
