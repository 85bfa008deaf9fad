//! Folders, for people, coursier and scripts.

use serde_json::Value;
use simulated_aws::Operation;

use crate::world::World;

async fn json(world: &World, path: &str) -> Value {
    let accept = [("accept", "application/json")];
    let answer = world.proxy.get_with(path, &accept).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.text()).expect("JSON")
}

fn names(page: &Value) -> Vec<String> {
    let entries = page["entries"].as_array().expect("entries");
    let names = entries
        .iter()
        .map(|entry| entry["name"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

/// The targets of all links in a page.
fn links(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1);
    links
        .filter_map(|rest| rest.split_once('"'))
        .map(|(link, _)| link.to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_a_page_with_relative_links_that_work() {
    let world = World::new().await;
    let odd = [
        "plain-1.jar",
        "a b+c.jar",
        "100%.jar",
        "q?x=1&y.jar",
        "hash#.jar",
        "<b>\"'.jar",
        "scheme:x.jar",
        "grüße-日本.jar",
        "-dash.jar",
        "..dots.jar",
    ];
    for name in odd {
        world.put(&format!("g/{name}"), name.as_bytes());
    }
    world.put("g/1.0/a.jar", b"x");
    let page = world.proxy.get("/g/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = page.text();
    assert!(!html.contains("<b>\""), "names are escaped");
    let links = links(&html);
    assert!(links.contains(&"../".to_owned()) && links.contains(&"1.0/".to_owned()));
    let mut bodies = Vec::new();
    for link in links.iter().filter(|link| !link.ends_with('/')) {
        assert!(
            link.is_ascii() && !link.starts_with('/') && !link.contains(':'),
            "{link}"
        );
        let answer = world.proxy.get(&format!("/g/{link}")).await;
        assert_eq!(answer.status, 200, "{link}");
        bodies.push(answer.text());
    }
    bodies.sort();
    let mut expected = odd.map(str::to_owned);
    expected.sort();
    assert_eq!(bodies, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_json_for_who_accepts_it() {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![0; 1536]);
    world.put("g/sub/x.jar", b"x");
    let page = json(&world, "/g/").await;
    assert_eq!(page["folder"], "/g/");
    assert_eq!(names(&page), ["sub/", "a-1.jar"]);
    let file = &page["entries"][1];
    assert_eq!(file["size_bytes"], 1536);
    assert_eq!(file["is_folder"], false);
    let modified = file["modified"].as_str().expect("a time");
    assert!(
        modified.ends_with('Z') && modified.contains('T'),
        "{modified}"
    );
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let html = world.proxy.get_with("/g/", &browser).await;
    assert_eq!(html.header("content-type"), "text/html; charset=utf-8");
    assert!(html.text().contains("1.5 KiB"), "{}", html.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_tells_what_is_cached() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"a");
    world.put("g/b-1.jar", b"b");
    world.warm("/g/b-1.jar").await;
    let page = json(&world, "/g/").await;
    assert_eq!(page["entries"][0]["source"], "s3");
    assert_eq!(page["entries"][1]["source"], "cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_folder_is_paged_without_loss() {
    const OBJECTS: usize = 1_500;
    const FOLDERS: usize = 700;
    let world = World::new().await;
    let mut expected = Vec::new();
    for number in 0..OBJECTS {
        let name = format!("{number:04}.jar");
        world.put(&format!("g/{name}"), b"");
        expected.push(name);
    }
    for number in 0..FOLDERS {
        world.put(&format!("g/{number:04}/x"), b"");
        expected.push(format!("{number:04}/"));
    }
    let (mut seen, mut path, mut pages) = (Vec::new(), "/g/".to_owned(), 0);
    loop {
        let page = json(&world, &path).await;
        pages += 1;
        let names = names(&page);
        assert!(names.len() <= 1000);
        seen.extend(names);
        let Some(next) = page["next"].as_str() else {
            break;
        };
        assert!(next.starts_with('?'));
        path = format!("/g/{next}");
    }
    seen.sort();
    expected.sort();
    assert_eq!((pages, seen.len()), (3, expected.len()));
    assert_eq!(seen, expected);
    let html = world.proxy.get("/g/").await.text();
    assert!(links(&html).iter().any(|link| link.starts_with("?after=")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_is_404_and_the_top_of_an_empty_bucket_is_not() {
    let world = World::new().await;
    assert_eq!(world.proxy.get("/none/").await.status, 404);
    let top = world.proxy.get("/").await;
    assert_eq!(top.status, 200);
    assert!(
        !links(&top.text()).contains(&"../".to_owned()),
        "nothing is above"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_without_a_slash_at_its_end_never_gets_a_listing() {
    let world = World::new().await;
    world.put("g/a-1.jar/inner.txt", b"x");
    for path in ["/g", "/g/a-1.jar"] {
        let answer = world.proxy.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.header("content-type").contains("html"));
    }
    assert_eq!(world.aws.counters().count(Operation::ListObjectsV2), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_empty_names_can_be_walked_by_their_links() {
    let world = World::new().await;
    world.put("g//a.jar", b"x");
    let page = json(&world, "/g/").await;
    assert_eq!(names(&page), ["/"]);
    let link = page["entries"][0]["link"].as_str().expect("a link");
    assert!(!link.starts_with('/'), "{link} would lead to the top");
    // As a client resolves it against /g/.
    let resolved = format!("/g/{}", link.trim_start_matches("./"));
    assert_eq!(names(&json(&world, &resolved).await), ["a.jar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_shows_the_prefix_as_its_top() {
    let world = World::with(|proxy| proxy.env("S3_PREFIX", "team")).await;
    world.put("team/g/a-1.jar", b"x");
    world.put("other/b-1.jar", b"x");
    assert_eq!(names(&json(&world, "/").await), ["g/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_a_folder_has_no_body() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"x");
    let head = world.proxy.head("/g/").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}
