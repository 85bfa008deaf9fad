//! What survives the end of the process, however it ends.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::support::{fetch_into_cache, files_below, object_path, put, write};

#[tokio::test(flavor = "multi_thread")]
async fn hits_need_no_aws_no_credentials_and_no_network() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (small, large) = (
        put(&aws, "g/small.pom", 900),
        put(&aws, "g/large.jar", 900_000),
    );
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/small.pom").await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/large.jar").await;
    let again = proxy.kill_9();
    aws.stop().await;
    std::fs::remove_dir_all(scratch.home()).expect("no home any more");

    let without_keys = again
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY");
    for profile in ["", "default", "nobody"] {
        let proxy = without_keys
            .clone()
            .env("AWS_PROFILE", profile)
            .start()
            .await;
        for (path, body) in [("/g/small.pom", &small), ("/g/large.jar", &large)] {
            let hit = proxy.get(path).await;
            assert!(hit.is_hit(), "{profile}: {}", hit.verdict());
            assert_eq!(hit.body, *body);
            assert_eq!(hit.broken, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_a_process_can_be_a_hit_while_the_cache_is_still_being_counted() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 5_000);
    let proxy = Proxy::start(&scratch, &aws).await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/a-1.jar").await;
    let again = proxy.kill_9();
    // Enough names that counting them takes longer than the first request.
    for folder in 0..=255_u32 {
        let folder = scratch.cache().join(format!("v1/objects/{folder:02x}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let empty = folder.join(format!("{:030x}", 0));
        write(&empty, b"");
        for name in 1..400_u32 {
            std::fs::hard_link(&empty, folder.join(format!("{name:030x}"))).expect("a file");
        }
    }

    let proxy = again.start().await;
    let hit = proxy.get("/g/a-1.jar").await;
    let counted = proxy.log().matches("the cache is counted").count();
    assert!(hit.is_hit());
    assert_eq!(hit.body, body);
    assert_eq!(counted, 1, "only the first process had counted its cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_killed_midway_leaves_nothing_and_is_made_again() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 3_000_000);
    let stall = aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/big.jar")
            .delay_body(2_000_000, Duration::from_mins(5)),
    );
    let proxy = Proxy::start(&scratch, &aws).await;
    let mut cut = proxy.begin("GET", "/g/big.jar", &[]).await;
    let mut received = 0;
    while received < 1_500_000 {
        received += cut.next().await.expect("more").expect("bytes").len();
    }
    let staging = scratch.cache().join("v1/staging");
    assert_eq!(files_below(&staging).len(), 1, "it is being downloaded");
    let again = proxy.kill_9();
    let cut = cut.finish().await;
    assert!(cut.broken.is_some(), "the client saw the end of it");
    assert_eq!(files_below(&staging).len(), 1, "nobody was left to tidy up");

    let proxy = again.start().await;
    assert_eq!(files_below(&staging), [] as [std::path::PathBuf; 0]);
    assert!(!object_path(&scratch, &aws, "g/big.jar").exists());
    aws.faults().remove(stall);
    let fetched = fetch_into_cache(&proxy, &scratch, &aws, "g/big.jar").await;
    assert_eq!(fetched.body, body);
    assert!(!fetched.is_hit());
    assert!(proxy.get("/g/big.jar").await.is_hit());
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_objects_survive_kill_9() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let keys: Vec<_> = (0..20).map(|number| format!("g/{number}.jar")).collect();
    let bodies: Vec<_> = keys.iter().map(|key| put(&aws, key, 70_000)).collect();
    let proxy = Proxy::start(&scratch, &aws).await;
    for key in &keys {
        fetch_into_cache(&proxy, &scratch, &aws, key).await;
    }
    let proxy = proxy.kill_9().start().await;
    aws.counters().reset();
    for (key, body) in keys.iter().zip(&bodies) {
        let hit = proxy.get(&format!("/{key}")).await;
        assert!(hit.is_hit(), "{key}");
        assert_eq!(hit.body, *body);
    }
    assert_eq!(aws.counters().count(Operation::GetObject), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_lets_a_running_answer_end_and_keeps_the_object() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/big.jar", 2_000_000);
    aws.faults().add(
        Fault::on(Operation::GetObject)
            .key("g/big.jar")
            .times(1)
            .delay_body(1_000_000, Duration::from_secs(1)),
    );
    let mut proxy = Proxy::start(&scratch, &aws).await;
    let mut answer = proxy.begin("GET", "/g/big.jar", &[]).await;
    let first = answer.next().await.expect("more").expect("bytes");
    proxy.terminate();
    let rest = answer.finish().await;
    assert_eq!(rest.broken, None);
    assert_eq!([&first[..], &rest.body].concat(), body);
    assert!(proxy.ended().await.success());

    let path = object_path(&scratch, &aws, "g/big.jar");
    assert!(path.exists(), "what was downloaded whole is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_folder_emptied_under_a_running_proxy_fills_again() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let body = put(&aws, "g/a-1.jar", 100_000);
    let proxy = ProxyBuilder::new(&scratch).aws(&aws).start().await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/a-1.jar").await;
    std::fs::remove_dir_all(scratch.cache().join("v1")).expect("removed");

    assert_eq!(proxy.get("/g/a-1.jar").await.body, body);
    eventually("it is cached again", async || {
        let answer = proxy.get("/g/a-1.jar").await;
        assert_eq!(answer.body, body);
        answer.is_hit()
    })
    .await;
}
