//! The page in a real browser: that it is clean, follows by itself, and can be used by everyone.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::clients::{AXE, CHROMIUM, are_installed};
use tests::{Chromium, Pending, eventually, throughout};

use crate::scene::{HOSTILE, HOSTILE_PATH, STATES, Scene};

/// A phone and a desktop, by day and by night.
const LOOKS: [(&str, u32, u32); 4] = [
    ("light", 320, 640),
    ("dark", 320, 640),
    ("light", 1280, 800),
    ("dark", 1280, 800),
];
const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const TITLE: &str = "return document.querySelector('h1').textContent.trim()";

/// The page of a scene, opened.
async fn open(browser: &Chromium, scene: &Scene) {
    browser.open(&format!("{}/status", scene.proxy.url())).await;
}

/// Clean to see and to hear, on every screen, and to its policy.
async fn must_be_clean(browser: &Chromium, name: &str) {
    must_be_accessible(browser, name).await;
    assert_eq!(browser.console().await, [""; 0], "{name}");
    // It would go on asking when its proxy has gone.
    browser.open("about:blank").await;
}

/// Clean to see and to hear, on every screen. With `PAGE_PICTURES`, a folder, pictures are left there for
/// whoever changes the page.
async fn must_be_accessible(browser: &Chromium, name: &str) {
    let axe = std::fs::read_to_string(AXE.path()).expect("axe");
    // As a debugger's script, which the page's policy does not bind.
    browser.run(&axe, json!([])).await;
    for (scheme, width, height) in LOOKS {
        browser.look_as(scheme, width, height).await;
        let found = browser.run("return axe.run(document)", json!([])).await;
        let violations = found["violations"].as_array().expect("violations");
        assert!(
            violations.is_empty(),
            "{name}, {scheme}, {width}: {violations:#?}"
        );
        assert!(
            found["passes"]
                .as_array()
                .is_some_and(|passes| passes.len() > 10)
        );
        let room =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let overhang = browser.run(room, json!([])).await;
        assert!(
            overhang.as_i64() <= Some(0),
            "{name} is {overhang} px too wide for {width}"
        );
        if let Some(folder) = std::env::var_os("PAGE_PICTURES") {
            let file = format!("{name}-{scheme}-{width}.png");
            browser.screenshot(&PathBuf::from(folder).join(file)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_clean_in_every_state_by_day_and_night_on_phone_and_desktop() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let browser = Chromium::start().await;
    for state in STATES {
        let scene = Scene::in_state(state).await;
        open(&browser, &scene).await;
        must_be_clean(&browser, state).await;
    }
}

/// Hits, a slow download and somebody who waits for a login that has ended.
async fn busy() -> (Scene, Vec<Pending>) {
    let scene = Scene::new().await;
    let path = scene.put(
        "com/google/guava/guava/33.0.0-jre/guava-33.0.0-jre.jar",
        &vec![1; 300_000],
    );
    for _ in 0..14 {
        scene.hit(&path).await;
    }
    let mut downloads = Vec::new();
    for (key, size) in [
        (
            "org/apache/spark/spark-core_2.13/3.5.0/spark-core_2.13-3.5.0.jar",
            14 << 20,
        ),
        (
            "org/scala-lang/scala-compiler/2.13.12/scala-compiler-2.13.12.jar",
            12 << 20,
        ),
    ] {
        let path = scene.put(key, &vec![1; size]);
        scene.slow_down(key, 400_000);
        downloads.push(scene.proxy.begin("GET", &path, &[]).await);
    }
    (scene, downloads)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_page_is_clean_while_builds_wait_and_after_they_failed() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let browser = Chromium::start().await;
    let (scene, _downloads) = busy().await;
    open(&browser, &scene).await;
    must_be_clean(&browser, "busy-valid").await;
    scene.log_out().await;
    let paths = [
        "/com/fasterxml/jackson/core/jackson-databind/2.16.1/jackson-databind-2.16.1.jar",
        "/org/junit/jupiter/junit-jupiter-api/5.10.1/junit-jupiter-api-5.10.1.pom",
        HOSTILE_PATH,
    ];
    let asked = futures_util::future::join_all([
        scene.miss_of("curl/8.5.0", paths[0]),
        scene.miss_of("Apache-Maven/3.9.9", paths[0]),
        scene.miss_of("Apache-Maven/3.9.9", paths[1]),
        scene.miss_of("curl/8.5.0", paths[2]),
    ]);
    let look = async {
        // Its patience ends within 10 s: the first trouble.
        let failed = scene
            .miss_of("Mozilla/5.0", "/simple/requests/requests-2.31.0.whl")
            .await;
        assert_eq!(failed.status, 503);
        scene.waiting(4).await;
        open(&browser, &scene).await;
        let shown =
            "return [...document.querySelectorAll('#waiting .key')].map(key => key.textContent)";
        let shown = browser.run(shown, json!([])).await;
        // What cannot be seen, or turns others around, is shown by its number.
        let hostile = HOSTILE.replace('\u{202e}', "\\u{202e}");
        let keys = shown.as_array().expect("keys");
        assert!(keys.contains(&json!(hostile)), "{shown}");
        must_be_clean(&browser, "busy-login-required").await;
    };
    tokio::select! {
        _ = asked => panic!("they do not wait"),
        () = look => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_outage_is_clean() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let browser = Chromium::start().await;
    let (scene, _downloads) = busy().await;
    scene.world.aws.go_offline().await.expect("offline");
    let path = scene.world.new_artifact();
    assert_eq!(scene.proxy.get(&path).await.status, 503);
    open(&browser, &scene).await;
    assert_eq!(
        browser.run(TITLE, json!([])).await,
        "Requests have failed lately"
    );
    must_be_clean(&browser, "busy-outage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_packages_is_clean() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let browser = Chromium::start().await;
    let scene = Scene::with_packages().await;
    open(&browser, &scene).await;
    let title = browser.run(TITLE, json!([])).await;
    assert_eq!(title, "Some packages cannot be had");
    let text = browser
        .run("return document.body.innerText", json!([]))
        .await;
    let text = text.as_str().expect("a text");
    for part in ["main", "none", "clients may publish", "no token"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    must_be_clean(&browser, "packages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_browser_leaves_no_process_behind() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let browser = Chromium::start().await;
    let profile = browser.profile();
    assert!(!Chromium::processes_of(&profile).is_empty());
    drop(browser);
    eventually("all have ended", async || {
        Chromium::processes_of(&profile).is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_clean_too() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let scene = Scene::new().await;
    scene.put("g/1.0/a-1.0.jar", b"x");
    scene.put("g/maven-metadata.xml", &[b'x'; 3000]);
    scene.put(HOSTILE, b"x");
    let browser = Chromium::start().await;
    browser.open(&format!("{}/g/", scene.proxy.url())).await;
    must_be_clean(&browser, "folder").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_by_itself_and_leaves_focus_and_scrolling_alone() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::new().await;
    let browser = Chromium::start().await;
    browser.look_as("light", 400, 300).await;
    open(&browser, &scene).await;
    assert_eq!(browser.run(TITLE, json!([])).await, "Ready");
    let mark = "
        window.mark = document.querySelector('h1');
        document.querySelector('footer a').focus();
        scrollTo(0, 200);
        return scrollY";
    assert_eq!(browser.run(mark, json!([])).await, 200);

    scene.log_out().await;
    browser
        .until(
            "the page tells of the end",
            "return document.querySelector('h1').textContent.trim() === 'A login is needed'
                && document.title === 'A login is needed – bazel-proxy'",
        )
        .await;
    let same = "return [
        window.mark === document.querySelector('h1'),
        document.activeElement === document.querySelector('footer a'),
    ]";
    assert_eq!(browser.run(same, json!([])).await, json!([true, true]));

    let path = scene.put("g/big.jar", &vec![1; 3 << 20]);
    scene.slow_down("g/big.jar", 300_000);
    let _login = scene.world.sign_in();
    let _download = scene.proxy.begin("GET", &path, &[]).await;
    browser
        .until(
            "the download moves",
            "const bar = document.querySelector('progress');
             if (!bar) { return false; }
             window.bar ??= [bar, bar.value];
             return window.bar[0] === bar && bar.value > window.bar[1]",
        )
        .await;
    assert_eq!(browser.run(TITLE, json!([])).await, "Ready");
    assert_eq!(browser.run(same, json!([])).await, json!([true, true]));
    assert_eq!(browser.console().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_differs_is_changed_so_that_nothing_is_read_out_twice() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::logged_out().await;
    let browser = Chromium::start().await;
    open(&browser, &scene).await;
    let watch = "
        window.changes = [];
        new MutationObserver((changes) => window.changes.push(...changes.map((change) => change.target)))
            .observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });";
    browser.run(watch, json!([])).await;
    browser
        .until(
            "time passes on the page",
            "return window.changes.length > 2",
        )
        .await;
    let changed = "
        const within = (id) => window.changes.some((node) => document.getElementById(id).contains(node));
        return [within('headline'), within('command'), within('lost'), within('said')]";
    assert_eq!(
        browser.run(changed, json!([])).await,
        json!([false, false, false, false])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_answer_is_told_and_found_again() {
    if !are_installed(&[CHROMIUM, AXE]) {
        return;
    }
    let Scene { proxy, world } = Scene::new().await;
    let browser = Chromium::start().await;
    browser.open(&format!("{}/status", proxy.url())).await;
    let port = proxy.address().port().to_string();
    let stopped = proxy.kill_9();
    let lost = "
        const lost = document.getElementById('lost');
        return !lost.hidden && lost.textContent.startsWith('The proxy does not answer.')";
    browser.until("the loss is told", lost).await;
    must_be_accessible(&browser, "lost").await;
    let proxy = stopped.env("PROXY_PORT", &port).start().await;
    browser
        .until(
            "it is found again",
            "return document.getElementById('lost').hidden",
        )
        .await;
    world.served(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_is_copied_with_the_keyboard_alone() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::logged_out().await;
    let browser = Chromium::start().await;
    let granted = json!({
        "origin": scene.proxy.url(),
        "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"],
    });
    browser.devtools("Browser.grantPermissions", granted).await;
    open(&browser, &scene).await;
    browser.press(&TAB.to_string()).await;
    let focused = "return document.activeElement.getAttribute('aria-label')";
    assert_eq!(browser.run(focused, json!([])).await, "Copy the command");
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(
        browser.run(outline, json!([])).await,
        "solid",
        "the focus is seen"
    );
    browser.press(&ENTER.to_string()).await;
    browser
        .until(
            "it is copied, and said",
            "return document.activeElement.textContent === 'Copied'
                && document.getElementById('said').textContent === 'Copied.'",
        )
        .await;
    let clipboard = browser
        .run("return navigator.clipboard.readText()", json!([]))
        .await;
    assert_eq!(clipboard, "aws sso login --profile team");
    browser
        .until(
            "the button is as before",
            "return document.activeElement.textContent === 'Copy'",
        )
        .await;
}

/// What the elements of a selector show: hidden ones nothing.
async fn texts(browser: &Chromium, selector: &str) -> Value {
    let script = "return [...document.querySelectorAll(arguments[0])]
        .map((found) => (found.checkVisibility() ? found.innerText : ''))";
    browser.run(script, json!([selector])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_reloads_itself_and_offers_nothing_that_needs_one() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::new().await;
    let browser = Chromium::start().await;
    let off = json!({ "value": true });
    browser
        .devtools("Emulation.setScriptExecutionDisabled", off)
        .await;
    open(&browser, &scene).await;
    assert_eq!(texts(&browser, "h1").await, json!(["Ready"]));
    scene.log_out().await;
    eventually("the page has reloaded", async || {
        texts(&browser, "h1").await == json!(["A login is needed"])
    })
    .await;
    assert_eq!(texts(&browser, "button").await, json!([""]), "hidden");
    let command = json!(["aws sso login --profile team"]);
    assert_eq!(texts(&browser, "#command").await, command);
    assert_eq!(browser.console().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_clipboard_the_command_is_selected_for_the_keyboard() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::logged_out().await;
    let browser = Chromium::start().await;
    open(&browser, &scene).await;
    // As where the page is opened by a name that is not this machine's.
    let away = "
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        document.execCommand = () => false;
        document.querySelector('button').click();";
    browser.run(away, json!([])).await;
    browser
        .until(
            "it is selected, and said",
            "return getSelection().toString() === 'aws sso login --profile team'
                && document.getElementById('said').textContent.startsWith('Selected')",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_sees_asks_nothing() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let scene = Scene::new().await;
    let browser = Chromium::start().await;
    open(&browser, &scene).await;
    let count = "
        window.asked = 0;
        const ask = window.fetch;
        window.fetch = (...what) => { window.asked += 1; return ask(...what); };";
    browser.run(count, json!([])).await;
    browser.until("it asks", "return window.asked > 0").await;
    browser.hide().await;
    browser
        .until(
            "it is hidden",
            "return document.hidden && (window.asked = 0) === 0",
        )
        .await;
    // Three times as long as between two questions.
    throughout(Duration::from_secs(6), "it asks nothing", async || {
        // What was under way may have been the last one.
        browser.run("return window.asked", json!([])).await.as_u64() <= Some(1)
    })
    .await;
    browser.show().await;
    browser
        .until("it asks again", "return window.asked > 1")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_holds_up_no_shutdown() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let mut scene = Scene::new().await;
    let browser = Chromium::start().await;
    open(&browser, &scene).await;
    scene.proxy.terminate();
    assert!(scene.proxy.ended().await.success());
    let log = scene.proxy.log();
    assert!(log.contains("stopped") && !log.contains("cut off"), "{log}");
    let lost: Value = json!(true);
    browser
        .until(
            "the loss is told",
            "return !document.getElementById('lost').hidden",
        )
        .await;
    assert_eq!(
        browser
            .run(
                "return document.body.classList.contains('is-lost')",
                json!([])
            )
            .await,
        lost
    );
}
