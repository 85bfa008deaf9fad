//! Each source of credentials, in black boxes: an artifact that only its key may fetch.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use simulated_aws::SimulatedAws;
use tests::{PATIENCE, Proxy, ProxyBuilder, Reply, Scratch, StandIn, eventually};

use crate::support::{put, write};

const ID: &str = "ASIASOURCESOURCE0001";
const SECRET: &str = "the-secret-of-this-source";
const TOKEN: &str = "the-token-of-this-source";

/// A proxy without keys in its environment, and an object for it.
async fn prepared(scratch: &Scratch) -> (SimulatedAws, ProxyBuilder) {
    let aws = scratch.aws().await;
    aws.identities().add_session(ID, SECRET, TOKEN, None);
    put(&aws, "g/a-1.jar", 10_000);
    let builder = ProxyBuilder::new(scratch).aws(&aws).profile("team");
    (aws, builder)
}

async fn assert_signed_with(aws: &SimulatedAws, proxy: &Proxy, id: &str) {
    let answer = proxy.get("/g/a-1.jar").await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), proxy.log());
    let calls = aws.counters().log();
    let last = calls.last().and_then(|call| call.access_key_id.clone());
    assert_eq!(last.as_deref(), Some(id));
    for secret in [SECRET, TOKEN] {
        assert!(!proxy.log().contains(secret), "{}", proxy.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_environment_with_their_session_token() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let proxy = builder
        .env("AWS_PROFILE", "")
        .env("AWS_ACCESS_KEY_ID", ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_a_static_profile() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    scratch.write_credentials(&keys("team"));
    // Keys in the environment must not take part where a profile is named.
    let proxy = builder
        .env("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSES000")
        .env("AWS_SECRET_ACCESS_KEY", "something")
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_files_named_by_their_variables() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let file = scratch.path().join("elsewhere");
    write(&file, keys("team"));
    let proxy = builder
        .env("AWS_SHARED_CREDENTIALS_FILE", &file.display().to_string())
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
    write(&file, keys("team").replace(ID, "ASIAOTHEROTHEROTHER0"));
    aws.identities()
        .add_session("ASIAOTHEROTHEROTHER0", SECRET, TOKEN, None);
    let mut number = 0;
    eventually("a change of that file is seen", async || {
        number += 1;
        put(&aws, &format!("g/{number}.jar"), 10);
        assert_eq!(proxy.get(&format!("/g/{number}.jar")).await.status, 200);
        let last = aws.counters().log().last().cloned();
        last.and_then(|call| call.access_key_id).as_deref() == Some("ASIAOTHEROTHEROTHER0")
    })
    .await;
}

fn keys(profile: &str) -> String {
    format!(
        "[{profile}]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n\
         aws_session_token = {TOKEN}\n"
    )
}

/// A profile whose `credential_process` is a script of ours.
fn script(scratch: &Scratch, text: &str) {
    let path = scratch.path().join("credentials.sh");
    write(&path, text);
    scratch.write_config(&format!(
        "[profile team]\ncredential_process = /bin/sh {}\n",
        path.display()
    ));
}

fn process_answer() -> String {
    format!(
        r#"{{"Version":1,"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"{TOKEN}","Expiration":"2099-01-01T00:00:00Z"}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_waits_for_a_slow_credential_process() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    script(&scratch, &format!("sleep 3\necho '{}'\n", process_answer()));
    let proxy = builder.start().await;
    assert_signed_with(&aws, &proxy, ID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_credential_process_is_503_with_its_words_and_heals() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let answer = scratch.path().join("answer.json");
    script(
        &scratch,
        &format!(
            "cat {} 2>/dev/null || {{ echo 'the vault is locked' >&2; exit 3; }}\n",
            answer.display()
        ),
    );
    let proxy = builder.start().await;
    let refused = proxy.get("/g/a-1.jar").await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    assert!(
        refused.text().contains("the vault is locked"),
        "{}",
        refused.text()
    );

    // Nothing that the proxy watches changes: the next misses ask again.
    write(&answer, process_answer());
    eventually("the process is asked again", async || {
        proxy.get("/g/a-1.jar").await.status == 200
    })
    .await;
    assert_signed_with(&aws, &proxy, ID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_after_the_process_can_answer_again_does_not_see_the_old_error() {
    let scratch = Scratch::new();
    let (_aws, builder) = prepared(&scratch).await;
    let answer = scratch.path().join("answer.json");
    script(&scratch, &format!("cat {}\n", answer.display()));
    let proxy = builder.start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 503);
    write(&answer, process_answer());
    // Looks are at least 2 s apart; this is the time that has to pass, not a wait for an event.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_process_that_prints_nonsense_is_told_without_its_output() {
    let scratch = Scratch::new();
    let (_aws, builder) = prepared(&scratch).await;
    script(&scratch, &format!("echo 'no json, but {SECRET}'\n"));
    let proxy = builder.start().await;
    let refused = proxy.get("/g/a-1.jar").await;
    assert_eq!(refused.status, 503);
    assert!(!refused.text().contains(SECRET), "{}", refused.text());
    assert!(!proxy.log().contains(SECRET), "{}", proxy.log());
}

fn assumed(action: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <Credentials><AccessKeyId>{ID}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{TOKEN}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
         </Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>\
         <AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_through_a_chain_of_assumed_roles() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let sts = StandIn::http(|head, body| {
        let right = body.contains("Action=AssumeRole&")
            && body.contains("role%2Fbuild")
            && head.contains("Credential=AKIABASEBASEBASE0000/");
        if right {
            (200, assumed("AssumeRole"))
        } else {
            (400, String::new())
        }
    })
    .await;
    scratch.write_config(
        "[profile base]\naws_access_key_id = AKIABASEBASEBASE0000\n\
         aws_secret_access_key = base\n\
         [profile team]\nrole_arn = arn:aws:iam::123456789012:role/build\nsource_profile = base\n",
    );
    let proxy = builder
        .env("AWS_ENDPOINT_URL_STS", &sts.url())
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
    assert_eq!(sts.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_is_503_with_what_to_ask_for() {
    let scratch = Scratch::new();
    let (_aws, builder) = prepared(&scratch).await;
    let sts = StandIn::http(|_, _| {
        let error = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
            <Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform \
            sts:AssumeRole</Message></Error></ErrorResponse>";
        (403, error.to_owned())
    })
    .await;
    scratch.write_config(
        "[profile base]\naws_access_key_id = AKIABASEBASEBASE0000\n\
         aws_secret_access_key = base\n\
         [profile team]\nrole_arn = arn:aws:iam::123456789012:role/build\nsource_profile = base\n",
    );
    let proxy = builder
        .env("AWS_ENDPOINT_URL_STS", &sts.url())
        .start()
        .await;
    let refused = proxy.get("/g/a-1.jar").await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("sts:AssumeRole"),
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("may not be assumed"),
        "{}",
        refused.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_for_a_web_identity() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let token = scratch.path().join("web-identity");
    write(&token, "header.payload.signature");
    let sts = StandIn::http(|_, body| {
        let right = body.contains("Action=AssumeRoleWithWebIdentity")
            && body.contains("header.payload.signature");
        if right {
            (200, assumed("AssumeRoleWithWebIdentity"))
        } else {
            (400, String::new())
        }
    })
    .await;
    let proxy = builder
        .env("AWS_PROFILE", "")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", &token.display().to_string())
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci")
        .env("AWS_ENDPOINT_URL_STS", &sts.url())
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
    // The token is rotated by another program: the new one is exchanged soon.
    write(&token, "header.payload.signature.of-the-next");
    eventually("the new token is exchanged", async || sts.asked() >= 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_a_container_endpoint() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let endpoint = StandIn::http(|head, _| {
        let right = head.starts_with("GET /role ")
            && head.to_lowercase().contains("authorization: of-this-container");
        if right {
            let answer = format!(
                r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Token":"{TOKEN}","Expiration":"2099-01-01T00:00:00Z"}}"#
            );
            (200, answer)
        } else {
            (403, String::new())
        }
    })
    .await;
    let proxy = builder
        .env("AWS_PROFILE", "")
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/role", endpoint.url()),
        )
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-this-container")
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
    assert_eq!(endpoint.asked(), 1);
    assert!(!proxy.log().contains("of-this-container"));
}

/// What the endpoints of containers and instances give out, good until `until`.
fn role_credentials(until: SystemTime) -> String {
    let until = sso_session::date::format(until);
    format!(
        r#"{{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Token":"{TOKEN}","Expiration":"{until}","LastUpdated":"2026-01-01T00:00:00Z"}}"#
    )
}

/// Far enough for no renewal.
fn in_a_day() -> SystemTime {
    in_seconds(24 * 3600)
}

#[expect(clippy::disallowed_methods, reason = "an endpoint has a clock")]
fn in_seconds(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}

/// EKS' agent on each node: it knows the pod by a token in a file, which is replaced now and then.
fn pod_identity_agent(head: &str) -> (u16, String) {
    let right = head.starts_with("GET /v1/credentials ")
        && head.to_lowercase().contains("authorization: of-this-pod");
    if right {
        (200, role_credentials(in_a_day()))
    } else {
        (403, String::new())
    }
}

/// A proxy with the environment that EKS Pod Identity gives to a pod.
fn in_a_pod(builder: ProxyBuilder, agent: &str, token: &Path) -> ProxyBuilder {
    let token = token.display().to_string();
    builder
        .env("AWS_PROFILE", "")
        .env(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{agent}/v1/credentials"),
        )
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token)
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_eks_pod_identity_by_the_token_of_the_moment() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let token = scratch.path().join("eks-pod-identity-token");
    write(&token, "of-this-pod.1");
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let tokens = Arc::clone(&seen);
    let agent = StandIn::http(move |head, _| {
        let line = head
            .lines()
            .find(|line| line.to_lowercase().starts_with("authorization"));
        let mut tokens = tokens.lock().expect("no panic in it");
        tokens.extend(line.map(str::to_owned));
        pod_identity_agent(head)
    })
    .await;
    let proxy = in_a_pod(builder, &agent.url(), &token).start().await;
    assert_signed_with(&aws, &proxy, ID).await;
    write(&token, "of-this-pod.2");
    eventually("the new token is used", async || {
        let tokens = seen.lock().expect("no panic in it");
        tokens
            .last()
            .is_some_and(|last| last.ends_with("of-this-pod.2"))
    })
    .await;
    assert!(!proxy.log().contains("of-this-pod"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_platform_are_renewed_before_they_end() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let token = scratch.path().join("eks-pod-identity-token");
    write(&token, "of-this-pod");
    let agent = StandIn::http(|head, _| {
        let (status, _) = pod_identity_agent(head);
        (status, role_credentials(in_seconds(8)))
    })
    .await;
    let proxy = in_a_pod(builder, &agent.url(), &token).start().await;
    assert_signed_with(&aws, &proxy, ID).await;
    eventually("they are renewed", async || agent.asked() >= 3).await;
    assert_signed_with(&aws, &proxy, ID).await;
}

/// An instance whose metadata answers nobody without a token of the session (`IMDSv2`).
fn instance_metadata(head: &str) -> Reply {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let lower = head.to_lowercase();
    let (status, text) = if head.starts_with("PUT /latest/api/token ")
        && lower.contains("x-aws-ec2-metadata-token-ttl-seconds: ")
    {
        (200, "of-this-instance".to_owned())
    } else if !lower.contains("x-aws-ec2-metadata-token: of-this-instance") {
        (401, String::new())
    } else if head.starts_with(&format!("GET {ROLES} ")) {
        (200, "team-proxies".to_owned())
    } else if head.starts_with(&format!("GET {ROLES}team-proxies ")) {
        (200, role_credentials(in_a_day()))
    } else {
        (404, String::new())
    };
    Reply {
        status,
        header: "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n".to_owned(),
        text,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_an_instances_role() {
    let scratch = Scratch::new();
    let (aws, builder) = prepared(&scratch).await;
    let metadata = StandIn::http(|head, _| instance_metadata(head)).await;
    let proxy = builder
        .env("AWS_PROFILE", "")
        .without("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.url())
        .start()
        .await;
    assert_signed_with(&aws, &proxy, ID).await;
    assert!(!proxy.log().contains("of-this-instance"));
}

/// Where ECS, EKS Pod Identity and EC2 are, in every task, pod and instance.
#[test]
fn credentials_come_from_the_addresses_that_platforms_have_them_at() {
    const ECS: &str = "169.254.170.2";
    const EKS: &str = "169.254.170.23";
    const EC2: &str = "169.254.169.254";
    let addresses = [ECS, EKS, EC2].map(|address| format!("{address}/32"));
    let addresses = addresses.each_ref().map(String::as_str);
    tests::in_a_network_of_its_own(&addresses, || async {
        let ecs = StandIn::http_at(&format!("{ECS}:80"), |head, _| {
            if head.starts_with("GET /v2/credentials/of-this-task ") {
                (200, role_credentials(in_a_day()))
            } else {
                (404, String::new())
            }
        })
        .await;
        let eks = StandIn::http_at(&format!("{EKS}:80"), |head, _| pod_identity_agent(head)).await;
        let ec2 = StandIn::http_at(&format!("{EC2}:80"), |head, _| instance_metadata(head)).await;

        let scratch = Scratch::new();
        let (aws, builder) = prepared(&scratch).await;
        let builder = builder
            .env("AWS_PROFILE", "")
            .without("AWS_EC2_METADATA_DISABLED");
        let task = builder.clone().env(
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v2/credentials/of-this-task",
        );
        assert_signed_with(&aws, &task.start().await, ID).await;
        assert_eq!((ecs.asked(), eks.asked(), ec2.asked()), (1, 0, 0));

        std::fs::remove_dir_all(scratch.cache()).expect("emptied");
        let token = scratch.path().join("eks-pod-identity-token");
        write(&token, "of-this-pod");
        let pod = in_a_pod(builder.clone(), &format!("http://{EKS}"), &token);
        assert_signed_with(&aws, &pod.start().await, ID).await;
        assert_eq!((ecs.asked(), eks.asked(), ec2.asked()), (1, 1, 0));

        std::fs::remove_dir_all(scratch.cache()).expect("emptied");
        assert_signed_with(&aws, &builder.start().await, ID).await;
        assert!(ec2.asked() > 0);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sso_profile_that_nobody_logged_in_for_is_told_what_to_run() {
    let scratch = Scratch::new();
    let (_aws, builder) = prepared(&scratch).await;
    scratch.write_config(
        "[profile team]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = dev\n\
         [sso-session work]\nsso_start_url = https://example.awsapps.com/start\n\
         sso_region = us-west-2\n",
    );
    let proxy = builder.env("LOGIN_WAIT", "0").start().await;
    let refused = tests::within(PATIENCE, "an answer", proxy.get("/g/a-1.jar")).await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("aws sso login --profile team"),
        "{}",
        refused.text()
    );
}
