//! Dependency confusion: a private name that somebody has registered in the public index, with a higher version.

use simulated_aws::packages::Wheel;
use simulated_aws::{Fault, Operation, PublicIndex};
use tests::clients::{Part, are_installed};

use crate::clients::{ALL, Client, LIMIT, Pip, Place, Poetry, Uv, install, run_all};
use crate::world::{ACCEPT_JSON, Setting, World, fallback, package, upstream};

/// Those that a public index is known for.
const OF_PYTHON: [&dyn Client; 3] = [&Pip, &Uv, &Poetry];

fn are_all_installed() -> bool {
    let parts: Vec<Part> = ALL.iter().flat_map(|client| client.parts()).collect();
    are_installed(&parts)
}

/// What somebody has put there for those who look in the wrong place.
async fn public_index(names: &[&str]) -> PublicIndex {
    let public = PublicIndex::start().await.expect("a public index");
    for name in names {
        public.put_wheel(&Wheel::new(name, "99.0"));
    }
    public
}

async fn world(public: &PublicIndex, names: &[&str], private: &[&str]) -> World {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    setting.configure(&upstream(&fallback(public, names, private)));
    let builder = setting.builder().env("METADATA_TTL", "1");
    setting.start_as(builder).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_name_is_never_taken_from_the_public_index() {
    if !are_all_installed() {
        return;
    }
    let public = public_index(&["acme-first", "acme-first-base"]).await;
    // By default, and listed by mistake. Those of other formats have no fallback; with the document's settings they
    // do not look elsewhere by themselves: `documented`.
    let plain = World::seeded(&["first"]).await;
    let listed = world(&public, &["acme-first", "acme-first-base"], &[]).await;
    for client in ALL {
        let name = package(client.format(), "first");
        let got = install(client, &plain.index(), &name).await;
        assert!(
            got.as_ref().is_ok_and(|version| version.starts_with("1.0")),
            "{got:?}"
        );
    }
    for client in OF_PYTHON {
        let got = install(client, &listed.index(), "acme-first").await;
        assert_eq!(got.as_deref(), Ok("1.0"), "{client:?}");
    }
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_listed_never_leaves() {
    if !are_all_installed() {
        return;
    }
    let public = public_index(&["acme-secret", "leftpad"]).await;
    let world = world(&public, &["leftpad"], &["acme-"]).await;
    for client in OF_PYTHON {
        let got = install(client, &world.index(), "acme-secret").await;
        assert!(got.is_err(), "{client:?}: {got:?}");
    }
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());
    // What is listed comes from there, by every spelling of its name, and only by its normalised one.
    for client in OF_PYTHON {
        let got = install(client, &world.index(), "LeftPad").await;
        assert_eq!(got.as_deref(), Ok("99.0"), "{client:?}");
    }
    let asked: Vec<_> = public.asked().into_iter().collect();
    assert!(
        asked
            .iter()
            .all(|name| name == "leftpad" || name == "packages"),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credentials_go_to_the_public_index() {
    let public = public_index(&["leftpad"]).await;
    let world = world(&public, &["leftpad"], &[]).await;
    let headers = [
        ("accept", ACCEPT_JSON),
        ("authorization", "Basic Y2xpZW50OnNlY3JldA=="),
        ("cookie", "session=client-secret"),
    ];
    let page = world.get_with("/pypi/simple/leftpad/", &headers).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let (path, sha256) = world.locked_wheel("leftpad").await;
    let file = world.get_with(&path, &headers).await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(crate::world::sha256(&file.body), sha256);
    let calls = public.counters().log();
    assert!(calls.len() >= 2, "{calls:?}");
    for head in calls.iter().filter_map(|call| call.head.as_ref()) {
        for name in ["authorization", "cookie", "x-amz-security-token"] {
            assert_eq!(head.header(name), None, "{head:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_file_comes_only_with_the_hash_of_its_index() {
    let public = public_index(&["leftpad"]).await;
    let world = world(&public, &["leftpad"], &[]).await;
    let (path, _) = world.locked_wheel("leftpad").await;
    let altered = Fault::on(Operation::GetAsset).flip_byte(100);
    let altered = public.faults().add(altered);
    let file = world.get(&path).await;
    assert!(
        file.status != 200 || file.broken.is_some(),
        "{}",
        file.status
    );
    public.faults().remove(altered);
    assert_eq!(world.get(&path).await.status, 200);
    // A hash that the index does not list, and a file that is not its.
    let (folder, file) = path.rsplit_once('/').expect("a file");
    let zeros = "0".repeat(64);
    let other = format!(
        "{}/{zeros}/{file}",
        folder.rsplit_once('/').expect("a hash").0
    );
    assert_eq!(world.get(&other).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn origin_controls_and_an_unreachable_codeartifact_close_the_fallback() {
    let public = public_index(&["blocked", "leftpad"]).await;
    let world = world(&public, &["blocked", "leftpad"], &[]).await;
    let page = async |name: &str| {
        let path = format!("/pypi/simple/{name}/");
        world.get_as(&path, ACCEPT_JSON).await
    };
    world.block_upstream("blocked");
    let answer = page("blocked").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());

    let faults = world.sso.aws.faults();
    for (operation, status, code) in [
        (Operation::DescribePackage, 403, "AccessDeniedException"),
        (Operation::DescribePackage, 500, "InternalServerException"),
        (Operation::ReadPackage, 500, "InternalServerException"),
        (Operation::ReadPackage, 403, "AccessDeniedException"),
    ] {
        let fault = faults.add(Fault::on(operation).respond(status, code));
        let answer = page("leftpad").await;
        assert_eq!(
            answer.status,
            503,
            "{operation} {status}: {}",
            answer.text()
        );
        faults.remove(fault);
    }
    // Nor does a repository that is not there: what it would know of a package is not known.
    for (resource, status) in [("repository", 503), ("domain", 503)] {
        let missing = Fault::on(Operation::DescribePackage)
            .respond(404, "ResourceNotFoundException")
            .reason(resource);
        let missing = faults.add(missing);
        let answer = page("leftpad").await;
        assert_eq!(answer.status, status, "{resource}: {}", answer.text());
        faults.remove(missing);
    }
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());

    // Neither does a login that is needed open it.
    let private = world.get("/pypi/simple/acme-first/").await;
    assert_eq!(private.status, 200, "{}", private.text());
    world.end_login();
    tests::eventually("a login is asked for", async || {
        let answer = page("leftpad").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        answer.text().contains("aws sso login")
    })
    .await;
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());
    let _login = world.sso.sign_in();
    tests::eventually("it is there again", async || {
        page("leftpad").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn public_links_without_a_hash_are_not_passed_on() {
    let public = public_index(&["leftpad"]).await;
    public.set_hashes(false);
    let world = world(&public, &["leftpad"], &[]).await;
    for accept in [ACCEPT_JSON, "text/html"] {
        let page = world.get_as("/pypi/simple/leftpad/", accept).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(!page.text().contains(".whl"), "{}", page.text());
    }
    assert_eq!(public.counters().count(Operation::GetAsset), 0);
}

/// What the documents warn of, and what it shows of our answers: trouble never looks like a package that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn an_extra_index_is_taken_in_trouble_and_one_index_alone_never() {
    if !are_all_installed() {
        return;
    }
    let public = public_index(&["acme-first", "acme-first-base"]).await;
    let setting = Setting::new().await;
    setting.seed("first");
    let builder = setting.builder().env("LOGIN_WAIT", "0");
    let world = setting.start_as(builder).await;
    let extra = format!("--extra-index-url={}/", public.index_url());
    let run = async |arguments: &[&str]| {
        let place = Place::new(&world.index());
        let mut commands = Pip.install(&place, "acme-first");
        commands[0].arg("--retries=0").args(arguments);
        let ended = run_all(commands, LIMIT).await;
        let said = format!("{}{}", ended.text(), ended.stderr);
        (Pip.installed(&place, "acme-first"), said)
    };
    let (installed, said) = run(&[]).await;
    assert_eq!(installed, None, "{said}");
    assert_eq!(public.counters().total(), 0, "{:?}", public.asked());
    let (installed, said) = run(&[&extra]).await;
    assert_eq!(
        installed.as_deref(),
        Some("99.0"),
        "the warning is out of date: {said}"
    );
    let log = world.proxy.log();
    assert!(log.contains("status=503"), "{log}");
    for status in ["status=404", "status=401", "status=403"] {
        assert!(!log.contains(status), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_becomes_private_is_private_from_then_on() {
    let public = public_index(&["acme-late", "acme-late-base"]).await;
    let world = world(&public, &["acme-late", "acme-late-base"], &[]).await;
    let before = world.get_as("/pypi/simple/acme-late/", ACCEPT_JSON).await;
    assert!(before.text().contains("99.0"), "{}", before.text());
    world.seed("late");
    tests::eventually("the private one is served", async || {
        let page = world.get_as("/pypi/simple/acme-late/", ACCEPT_JSON).await;
        let text = page.text();
        text.contains("1.0") && !text.contains("99.0")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_package_installs_again_by_the_metadata_of_its_cached_wheel() {
    if !are_all_installed() {
        return;
    }
    let public = public_index(&["leftpad"]).await;
    let world = world(&public, &["leftpad"], &[]).await;
    let clients: [&dyn Client; 2] = [&Pip, &Uv];
    for round in ["cold", "warm"] {
        for client in clients {
            let got = install(client, &world.index(), "leftpad").await;
            assert_eq!(got.as_deref(), Ok("99.0"), "{round} {client:?}");
        }
    }
    let page = world.get_as("/pypi/simple/leftpad/", ACCEPT_JSON).await;
    let page: serde_json::Value = serde_json::from_slice(&page.body).expect("JSON");
    assert_eq!(page["files"][0]["core-metadata"], true, "{page}");
    let (wheel, _) = world.locked_wheel("leftpad").await;
    let metadata = world.get(&format!("{wheel}.metadata")).await;
    assert_eq!(metadata.status, 200, "{}", metadata.text());
    assert!(
        metadata.text().contains("Version: 99.0"),
        "{}",
        metadata.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_public_file_goes_when_a_rule_closes() {
    let public = public_index(&["leftpad", "rightpad", "blockpad"]).await;
    let all = ["leftpad", "rightpad", "blockpad"];
    let world = world(&public, &all, &[]).await;
    let (left, _) = world.locked_wheel("leftpad").await;
    let (right, _) = world.locked_wheel("rightpad").await;
    let (block, _) = world.locked_wheel("blockpad").await;
    for path in [&left, &right, &block] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    // CodeArtifact has it now, or will have nothing of it.
    world.repository.put_wheel(&Wheel::new("rightpad", "1.0"));
    world.block_upstream("blockpad");
    for path in [&right, &block] {
        tests::eventually("it is gone", async || world.get(path).await.status == 404).await;
    }
    // What is verified stays while CodeArtifact is away.
    let away = Fault::on(Operation::ReadPackage).respond(500, "InternalServerException");
    let away = world.sso.aws.faults().add(away);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(world.get(&left).await.status, 200);
    world.sso.aws.faults().remove(away);
    // The configured rule holds at once, for hits too.
    world.configure(&upstream(&fallback(&public, &["rightpad"], &[])));
    tests::eventually("the name is off the list", async || {
        world.get(&left).await.status == 404
    })
    .await;
}
