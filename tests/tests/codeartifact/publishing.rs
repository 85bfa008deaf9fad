//! Publishing with the real tools: on, off, twice, and large.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use simulated_aws::{Fault, Format, Operation};
use tests::clients::{
    MAVEN, NODE, NPM, POETRY, PYTHON, Part, SAMPLE_JARS, TWINE, UV, are_installed,
};
use tests::commands::{Ended, run, succeed};
use tests::{eventually, throughout};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::calls;
use crate::clients::{
    ALL, Client, DEPLOY_FILE, LIMIT, Maven, Npm, Pip, Place, install, maven, npm, python, uv,
};
use crate::documented::{block, words};
use crate::memory;
use crate::world::{PREFIX, Setting, World, upstream, wheel_bytes};

/// Puts a wheel into a place, and gives its path.
fn wheel(place: &Place, name: &str) -> PathBuf {
    let file = format!("{}-1.0-py3-none-any.whl", name.replace('-', "_"));
    place.write(&file, wheel_bytes(name));
    place.file(&file)
}

fn twine(place: &Place, name: &str) -> Command {
    let mut twine = python(place, "twine");
    twine
        .args([
            "upload",
            "--non-interactive",
            "--disable-progress-bar",
            "-u",
            "nobody",
            "-p",
            "none",
        ])
        .args(["--verbose", "--repository-url"])
        .arg(format!("{}/pypi/", place.index))
        .arg(wheel(place, name));
    twine
}

fn uv_publish(place: &Place, name: &str) -> Command {
    let mut command = uv(place);
    command
        .args([
            "publish",
            "--username",
            "nobody",
            "--password",
            "none",
            "--publish-url",
        ])
        .arg(format!("{}/pypi/", place.index))
        .arg(wheel(place, name));
    command
}

fn npm_publish(place: &Place, name: &str) -> Command {
    let package = format!(r#"{{"name":"@acme/{name}","version":"1.0.0"}}"#);
    place.write("package.json", package);
    place.write("index.js", "module.exports = 1;\n");
    // npm publishes nothing without a token; what it is does not matter.
    let host = place.index.trim_start_matches("http:");
    place.write(".npmrc", format!("{host}/npm/:_authToken=none\n"));
    let mut command = npm(place);
    command.arg("publish");
    command
}

fn mvn_deploy(place: &Place, name: &str) -> Command {
    place.write("new.jar", wheel_bytes(name));
    let mut command = maven(place, DEPLOY_FILE);
    command
        .arg(format!("-Durl={}/maven/", place.index))
        .args([
            "-DrepositoryId=acme",
            "-Dfile=new.jar",
            "-DgroupId=com.acme",
        ])
        .arg(format!("-DartifactId={name}"))
        .args(["-Dversion=1.0", "-Dpackaging=jar"]);
    command
}

/// A tool that publishes: who it is, what it runs, what fetches it again, and the package's name there.
struct Publisher {
    name: &'static str,
    parts: Vec<Part>,
    publish: fn(&Place, &str) -> Command,
    fetched_by: &'static dyn Client,
    package: &'static str,
    fetched: &'static str,
}

fn publishers() -> Vec<Publisher> {
    vec![
        Publisher {
            name: "twine",
            parts: vec![PYTHON, TWINE],
            publish: twine,
            fetched_by: &Pip,
            package: "acme-by-twine",
            fetched: "acme-by-twine",
        },
        Publisher {
            name: "uv",
            parts: vec![PYTHON, UV],
            publish: uv_publish,
            fetched_by: &crate::clients::Uv,
            package: "acme-by-uv",
            fetched: "acme-by-uv",
        },
        Publisher {
            name: "npm",
            parts: vec![NODE, NPM],
            publish: npm_publish,
            fetched_by: &Npm,
            package: "by-npm",
            fetched: "@acme/by-npm",
        },
        Publisher {
            name: "maven",
            parts: vec![MAVEN, SAMPLE_JARS],
            publish: mvn_deploy,
            fetched_by: &Maven,
            package: "by-maven",
            fetched: "by-maven",
        },
    ]
}

fn are_all_installed() -> bool {
    let publishers = publishers()
        .into_iter()
        .flat_map(|publisher| publisher.parts);
    let clients = ALL.iter().flat_map(|client| client.parts());
    are_installed(&publishers.chain(clients).collect::<Vec<_>>())
}

fn said(ended: &Ended) -> String {
    format!("{}{}", ended.text(), ended.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_publishes_once_and_is_told_of_a_conflict() {
    if !are_all_installed() {
        return;
    }
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    let counters = world.sso.aws.counters().clone();
    for publisher in publishers() {
        let Publisher {
            name,
            package,
            fetched,
            fetched_by,
            ..
        } = publisher;
        // Asked for before it is there: that must not be remembered.
        let early = install(fetched_by, &world.index(), fetched).await;
        assert!(early.is_err(), "{name}: {early:?}");

        counters.reset();
        let place = Place::new(&world.index());
        let ended = run((publisher.publish)(&place, package), LIMIT).await;
        assert!(
            ended.status.success(),
            "{name}: {}\n{}",
            said(&ended),
            world.proxy.log()
        );
        let sent: Vec<_> = world.calls(Operation::PublishPackage);
        let mut paths: Vec<_> = sent.iter().map(calls::target).collect();
        let all = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), all, "{name}: sent twice: {paths:?}");
        for call in &sent {
            calls::assert_nothing_of_the_client(call);
        }

        let got = install(fetched_by, &world.index(), fetched).await;
        assert!(got.is_ok(), "{name}: {got:?}");

        let again = run(
            (publisher.publish)(&Place::new(&world.index()), package),
            LIMIT,
        )
        .await;
        assert!(!again.status.success(), "{name}: {}", said(&again));
        let text = said(&again);
        assert!(
            text.contains("409") || text.contains("previously published"),
            "{name}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_off_by_default_and_every_tool_is_told() {
    if !are_all_installed() {
        return;
    }
    let world = World::seeded(&[]).await;
    for publisher in publishers() {
        let place = Place::new(&world.index());
        let ended = run((publisher.publish)(&place, publisher.package), LIMIT).await;
        let text = said(&ended);
        assert!(!ended.status.success(), "{}: {text}", publisher.name);
        let is_told = text.contains("405") || text.contains("publish: true");
        assert!(is_told, "{}: {text}", publisher.name);
    }
    assert_eq!(world.calls(Operation::PublishPackage).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_published_in_constant_memory_and_never_sent_twice() {
    const LENGTH: u64 = 1 << 30;
    const MORE_MEMORY: u64 = 100 << 20;
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    // The token, and whatever else is built up at first.
    world.get("/maven/com/acme/large/1.0/none.jar").await;
    let before = world.proxy.resident_bytes();
    let upload = world.put_zeros("/maven/com/acme/large/1.0/large-1.0.jar", LENGTH);
    let (status, most) = memory::during(&world.proxy, upload).await;
    assert!(
        (200..300).contains(&status),
        "{status}: {}",
        world.proxy.log()
    );
    assert!(most < before + MORE_MEMORY, "{before} bytes grew to {most}");
    assert_eq!(world.calls(Operation::PublishPackage).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_or_is_refused_is_not_sent_again() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    for (status, code, told) in [
        (503, "ServiceUnavailable", 503),
        (409, "ConflictException", 409),
        (403, "AccessDeniedException", 403),
        (401, "UnauthorizedException", 503),
    ] {
        let faults = world.sso.aws.faults();
        let fault = Fault::on(Operation::PublishPackage).respond(status, code);
        let fault = faults.add(fault);
        let before = world.calls(Operation::PublishPackage).len();
        let answered = world
            .put_zeros("/maven/com/acme/small/1.0/small-1.0.jar", 10)
            .await;
        assert_eq!(answered, told, "{code}");
        assert_eq!(
            world.calls(Operation::PublishPackage).len(),
            before + 1,
            "{code}"
        );
        faults.remove(fault);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_connection_is_cut_is_not_sent_again() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    let cut = Fault::on(Operation::PublishPackage).reset();
    let cut = world.sso.aws.faults().add(cut);
    let path = "/maven/com/acme/cut/1.0/cut-1.0.jar";
    let status = world.put_zeros(path, 1 << 20).await;
    assert!(status >= 500, "{status}");
    assert_eq!(world.calls(Operation::PublishPackage).len(), 1);
    world.sso.aws.faults().remove(cut);
    // The next one is no longer of that connection.
    let status = world.put_zeros(path, 1 << 20).await;
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(world.calls(Operation::PublishPackage).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_publishes_nothing() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    let path = "/maven/com/acme/left/1.0/left-1.0.jar";
    let address = world.proxy.address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "PUT {PREFIX}{path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n",
        8 << 20
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(&vec![0; 1 << 20]).await.expect("a part");
    let sent = || world.calls(Operation::PublishPackage);
    eventually("it is under way", async || sent().len() == 1).await;
    drop(stream);
    // Nothing of it is there, and the proxy goes on.
    throughout(Duration::from_secs(1), "nothing is published", async || {
        world.repository.files(Format::Maven).is_empty()
    })
    .await;
    assert_eq!(world.get(path).await.status, 404);
    let status = world.put_zeros(path, 8 << 20).await;
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(sent().len(), 2);
}

/// And no token is in what the tool says, nor in the most talkative log.
#[tokio::test(flavor = "multi_thread")]
async fn every_tool_publishes_through_a_login() {
    if !are_all_installed() {
        return;
    }
    for publisher in publishers() {
        let setting = Setting::new().await;
        setting.configure(&upstream("publish: true"));
        let builder = setting.builder().env("LOGIN_WAIT", "2m");
        let world = setting.start_as(builder.env("LOG_LEVEL", "trace")).await;
        let place = Place::new(&world.index());
        let command = (publisher.publish)(&place, publisher.package);
        let (ended, _login) = tokio::join!(run(command, LIMIT), async {
            world.until_waiting().await;
            world.sso.sign_in()
        });
        let (name, text) = (publisher.name, said(&ended));
        assert!(ended.status.success(), "{name}: {text}");
        let mut paths: Vec<_> = world.calls(Operation::PublishPackage);
        assert!(!paths.is_empty(), "{name}");
        let all = paths.len();
        paths.sort_by_key(calls::target);
        paths.dedup_by_key(|call| calls::target(call));
        assert_eq!(paths.len(), all, "{name}: sent twice");
        let seen = text + &world.proxy.log();
        assert!(!world.service().tokens().is_empty());
        for secret in world.secrets() {
            assert!(!seen.contains(&secret), "{name}: {secret} is in it");
        }
    }
}

/// The line of the document's own that begins so, for this repository.
fn shown(begin: &str, index: &str) -> Vec<String> {
    let block = block("## Publishing", "sh", index);
    let line = block.lines().find(|line| line.starts_with(begin));
    words(line.unwrap_or_else(|| panic!("no line begins with {begin}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_shows_of_publishing_publishes() {
    if !are_all_installed() || !are_installed(&[POETRY]) {
        return;
    }
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.configure(&upstream("publish: true"));
    let world = setting.start().await;
    let place = Place::new(&world.index());
    let published = |name: &str| {
        let name = name.to_owned();
        let world = &world;
        async move {
            let page = world.get(&format!("/pypi/simple/{name}/")).await;
            assert_eq!(page.status, 200, "{name}: {}", page.text());
        }
    };
    let run_in = async |mut command: Command, arguments: &[String]| {
        command.args(arguments);
        succeed(command, LIMIT).await;
    };
    for (begin, name) in [
        ("twine upload", "by-twine"),
        ("uv publish", "by-uv"),
        ("poetry publish", "by-poetry"),
    ] {
        // What they take is in `dist`, and no two of them take the same.
        let _fresh = std::fs::remove_dir_all(place.file("dist"));
        let file = format!("{}-1.0-py3-none-any.whl", name.replace('-', "_"));
        place.write(&format!("dist/{file}"), wheel_bytes(name));
        place.write(
            "pyproject.toml",
            format!("[project]\nname = \"{name}\"\nversion = \"1.0\"\n"),
        );
        let mut words = shown(begin, &place.index);
        if words.last().is_some_and(|word| word == "dist/*") {
            words.pop();
            words.push(format!("dist/{file}"));
        }
        match begin {
            "twine upload" => run_in(python(&place, "twine"), &words[1..]).await,
            "uv publish" => run_in(uv(&place), &words[1..]).await,
            _ => {
                let config = shown("poetry config", &place.index);
                run_in(python(&place, "poetry"), &config[1..]).await;
                run_in(python(&place, "poetry"), &words[1..]).await;
            }
        }
        published(name).await;
    }
    let both = shown("npm config set", &place.index).join(" ");
    let (config, publish) = both.split_once(" && ").expect("two commands");
    place.write(
        "package.json",
        r#"{"name":"@acme/by-npm","version":"1.0.0"}"#,
    );
    run_in(npm(&place), &words(config)[1..]).await;
    run_in(npm(&place), &words(publish)[1..]).await;
    assert_eq!(world.get("/npm/@acme%2fby-npm").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_no_verdict_on_a_publication() {
    for refusal in [401, 403, 404] {
        let setting = Setting::new().await;
        let _login = setting.sso.sign_in();
        setting.configure(&upstream("publish: true"));
        setting.service().set_refusal(refusal);
        let world = setting.start().await;
        world.lose_the_first_token().await;
        let path = "/maven/com/acme/small/1.0/small-1.0.jar";
        let status = world.put_zeros(path, 10).await;
        assert_eq!(status, 503, "{refusal}: {}", world.proxy.log());
        let status = world.put_zeros(path, 10).await;
        assert!((200..300).contains(&status), "{refusal}: {status}");
    }
}
