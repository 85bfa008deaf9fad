use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const HOST: &str = "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com";
const HTML: &str = "text/html; charset=UTF-8";
const JSON: &str = "application/vnd.pypi.simple.v1+json";

fn sha256(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn root() -> Url {
    Url::parse(&format!("{HOST}/pypi/all/")).expect("a URL")
}

fn asked() -> Url {
    root().join("simple/requests/").expect("a URL")
}

fn page(content_type: &str, body: impl Into<Bytes>) -> Page {
    Page {
        content_type: content_type.to_owned(),
        body: body.into(),
    }
}

fn html(body: impl Into<Bytes>) -> (String, usize) {
    let found = neutral(&page(HTML, body), &asked(), &root()).expect("a page");
    let text = text(&found.page.body).expect("UTF-8").to_owned();
    (text, found.dropped)
}

fn json(body: &Value) -> (Value, usize) {
    let found = neutral(&page(JSON, body.to_string()), &asked(), &root()).expect("a page");
    let value = serde_json::from_slice(&found.page.body).expect("JSON");
    (value, found.dropped)
}

#[test]
fn nothing_but_links_changes_in_html() {
    let hash = sha256('a');
    let body = format!(
        "<html><!-- {HOST} -->\n<A  CLASS=x HREF={HOST}/pypi/all/simple/requests/2/r-2.whl#sha256={hash} data-requires-python='&gt;=3'>r &amp; {HOST}</A>\r\n\
         <a href='2/r%2B2.tgz?a=1&amp;b=&quot;2#sha256={hash}' data-yanked>old</a>\n\
         <a href=\"{HOST}/pypi/all/simple/requests/2/a&amp;b.tgz\" x=1>é</a>"
    );
    let expected = format!(
        "<html><!-- {HOST} -->\n<A  CLASS=x HREF=\"2/r-2.whl#sha256={hash}\" data-requires-python='&gt;=3'>r &amp; {HOST}</A>\r\n\
         <a href='2/r%2B2.tgz?a=1&amp;b=%222#sha256={hash}' data-yanked>old</a>\n\
         <a href=\"2/a&amp;b.tgz\" x=1>é</a>"
    );
    assert_eq!(html(body), (expected, 0));
}

#[test]
fn foreign_links_stay_with_a_hash_only_in_html() {
    let hash = sha256('b');
    let body = format!(
        "<body><a href=\"https://files.example/a.whl#sha256={hash}\">a</a><br>\
         <a href=\"https://files.example/b.whl\">b</a><br>\
         <a href='//files.example/c.whl#md5=00'>c</a>\
         <a href=\"javascript:x\">d</a>\
         <a href=\"/pypi/other/simple/e.whl#sha256={hash}\">e</a>\
         <a href=\"#top\">top</a><a href=\"\">empty</a><a>none</a>\
         <link rel=stylesheet href=\"https://style.example/\">\
         <a href=\"a.whl\" href=\"https://files.example/f.whl\">f</a><a href=\"https://g.example\">g<br>"
    );
    let expected = format!(
        "<body><a href=\"https://files.example/a.whl#sha256={hash}\">a</a><br>\
         b<br>cde<a href=\"#top\">top</a><a href=\"\">empty</a><a>none</a>\
         <link rel=stylesheet href=\"https://style.example/\">fg<br>"
    );
    assert_eq!(html(body), (expected, 6));
}

#[test]
fn a_base_is_honoured_and_goes() {
    let (found, dropped) = html(
        "<a href=a.whl>a</a><BASE target=x><base href=\"../../files/\"><base href=//evil.example>",
    );
    assert_eq!(found, "<a href=\"../../files/a.whl\">a</a>");
    assert_eq!(dropped, 0);
    let (found, dropped) = html("<base href=https://files.example/><a href=a.whl>a</a>");
    assert_eq!((found.as_str(), dropped), ("a", 1));
}

#[test]
fn nothing_but_links_changes_in_json() {
    let hash = sha256('c');
    let body = format!(
        r#"{{ "meta": {{"api-version": "1.4", "_last-serial": 1e3}},
 "files":[{{"hashes": {{"sha256":"{hash}"}},"url":"{}r.whl","filename":"r.whl","upload-time":"\u0032"}}, {{"filename":"s.tgz","url":"2/s.tgz","hashes":{{}}}}],"name":"requests"}}"#,
        asked()
    );
    let found = neutral(&page(JSON, body.clone()), &asked(), &root()).expect("a page");
    assert_eq!(found.page.body, body.replace(asked().as_str(), ""));
    assert_eq!(found.dropped, 0);
}

#[test]
fn foreign_links_stay_with_a_hash_only_in_json() {
    let hash = sha256('d');
    let file = |url: &str, hashes: Value| json!({"filename": "a", "url": url, "hashes": hashes});
    let good = json!({"sha256": hash.to_uppercase()});
    let kept = [
        file("https://files.example/a", good.clone()),
        file(&format!("https://files.example/a#sha256={hash}"), json!({})),
    ];
    let lost = [
        file(
            "https://files.example/a",
            json!({"md5": "0", "sha256": "0"}),
        ),
        file("https://files.example/a", json!({})),
        file("../../../../a", good.clone()),
        file("file:///a", good),
    ];
    let body = json!({"files": [lost[0], kept[0], lost[1], lost[2], kept[1], lost[3]]});
    assert_eq!(json(&body), (json!({"files": kept}), 4));
}

#[test]
fn other_versions_and_other_forms_are_refused() {
    for (content_type, body, text) in [
        (
            JSON,
            r#"{"meta":{"api-version":"2.0"},"files":[]}"#,
            "version `2.0`",
        ),
        (
            HTML,
            r#"<meta name="pypi:repository-version" content="2.1">"#,
            "version `2.1`",
        ),
        ("application/vnd.pypi.simple.v2+json", "{}", "version `2`"),
        ("application/octet-stream", "", "octet-stream"),
        ("text/html; charset=ISO-8859-1", "", "ISO-8859-1"),
        (JSON, r#"{"files":[{"filename":"a"}]}"#, "file 0"),
        (
            JSON,
            r#"{"files":[{"filename":"a","url":"a","url":"b"}]}"#,
            "duplicate field `url`",
        ),
        (
            JSON,
            r#"{"files":[],"files":[]}"#,
            "duplicate field `files`",
        ),
        (JSON, "<html>", "line 1"),
    ] {
        let error = neutral(&page(content_type, body), &asked(), &root()).expect_err(text);
        assert!(error.to_string().contains(text), "{error}");
    }
    let broken = neutral(&page(HTML, &b"<a href=\"\xFF\">"[..]), &asked(), &root());
    assert!(matches!(broken, Err(PageError::NotUtf8(9))));
    for content_type in [
        "text/html",
        "application/json",
        "TEXT/HTML;charset=\"utf-8\"",
    ] {
        let empty = neutral(&page(content_type, "{}"), &asked(), &root());
        assert!(empty.is_ok(), "{content_type}");
    }
}

#[test]
fn both_forms_list_the_same_files() {
    let hash = sha256('e');
    let html_page = page(
        HTML,
        format!(
            "<a href='2.0/r%2B-2.0.whl#sha256={hash}' data-core-metadata='sha256={hash}'>x</a>\
             <a href='2.0/r.tgz'>x</a><a href='https://files.example/r.zip#sha256={hash}'>x</a><a href='../'>up</a>"
        ),
    );
    let hashes = json!({"sha256": hash});
    let json_page = page(
        JSON,
        json!({"files": [
            {"filename": "r+-2.0.whl", "url": "2.0/r%2B-2.0.whl", "hashes": hashes, "core-metadata": hashes},
            {"filename": "r.tgz", "url": "2.0/r.tgz", "hashes": {}, "core-metadata": false},
            {"filename": "r.zip", "url": "https://files.example/r.zip", "hashes": hashes},
        ]})
        .to_string(),
    );
    let expected = [
        (
            "r+-2.0.whl",
            Some("simple/requests/2.0/r+-2.0.whl"),
            true,
            true,
        ),
        ("r.tgz", Some("simple/requests/2.0/r.tgz"), false, false),
        ("r.zip", None, true, false),
    ]
    .map(|(name, path, has_hash, has_core_metadata)| IndexedFile {
        name: name.to_owned(),
        path: path.map(str::to_owned),
        sha256: has_hash.then(|| hash.clone()),
        has_core_metadata,
        core_metadata_sha256: has_core_metadata.then(|| hash.clone()),
    });
    for page in [html_page, json_page] {
        let files = files(&page, "simple/requests/").expect("files");
        assert_eq!(files, expected);
    }
}

/// pip up to 23.0 crashes at anything but a text under `dist-info-metadata`.
#[test]
fn metadata_have_the_names_that_every_pip_bears() {
    let hashes = json!({"sha256": "0".repeat(64)});
    let file = json!({"filename": "a.whl", "url": "1/a.whl", "hashes": {}});
    let (mut both, mut older, mut odd) = (file.clone(), file.clone(), file);
    both["core-metadata"] = hashes.clone();
    both["dist-info-metadata"] = hashes.clone();
    older["dist-info-metadata"] = hashes.clone();
    odd["dist-info-metadata"] = "#".into();
    let body = json!({"files": [both, older, odd]}).to_string();
    let body = body.replace(
        "\"dist-info-metadata\":\"#\"",
        "\"dist\\u002dinfo-metadata\" : true",
    );
    let asked_page = page(JSON, body);
    let found = neutral(&asked_page, &asked(), &root()).expect("a page");
    let found: Value = serde_json::from_slice(&found.page.body).expect("JSON");
    let files = found["files"].as_array().expect("files");
    assert_eq!(files[0]["core-metadata"], hashes);
    assert_eq!(files[0]["data-dist-info-metadata"], hashes);
    assert_eq!(files[1]["core-metadata"], hashes);
    assert!(
        files[..2]
            .iter()
            .all(|file| file.get("dist-info-metadata").is_none())
    );
    assert!(files[2]["dist-info-metadata"].is_null());
}

#[test]
fn metadata_are_offered_for_known_wheels_only() {
    let known: HashSet<String> = ["a.whl", "b.whl", "c.whl"].map(str::to_owned).into();
    let offered = with_core_metadata(
        &page(
            HTML,
            "<A href=1/a.whl>a</A><a href='1/b.whl' data-dist-info-metadata=true>b</a><a href=1/d.whl>d</a><a href=https://x.example/c.whl>c</a>",
        ),
        &known,
    );
    assert_eq!(
        offered.body,
        "<A data-core-metadata=\"true\" data-dist-info-metadata=\"true\" href=1/a.whl>a</A><a href='1/b.whl' data-dist-info-metadata=true>b</a><a href=1/d.whl>d</a><a href=https://x.example/c.whl>c</a>"
    );
    let file = |name: &str, url: &str| json!({"filename": name, "url": url, "hashes": {}});
    let mut denied = file("a.whl", "1/a.whl");
    denied["core-metadata"] = false.into();
    let mut has = file("b.whl", "1/b.whl");
    has["dist-info-metadata"] = json!({"sha256": "0"});
    let away = file("c.whl", "https://x.example/c.whl");
    let body =
        json!({"files": [denied, has, away, file("d.whl", "1/d.whl"), file("a.whl", "2/a.whl")]});
    let offered = with_core_metadata(&page(JSON, body.to_string()), &known);
    let mut expected = body;
    for at in [0, 4] {
        expected["files"][at]["core-metadata"] = true.into();
    }
    let offered: Value = serde_json::from_slice(&offered.body).expect("JSON");
    assert_eq!(offered, expected);
    let broken = page(JSON, "{");
    assert_eq!(with_core_metadata(&broken, &known), broken);
}

#[test]
fn public_pages_lead_here_by_hash() {
    let hash = sha256('f');
    let asked = Url::parse("https://index.example/simple/requests/").expect("a URL");
    let html_page = page(
        HTML,
        format!(
            "<script><a href=x#sha256={hash}></script><a href='https://u:p@files.example/x/r+1.whl#sha256={hash}' data-requires-python='&gt;=3' data-core-metadata=true data-x=y>odd</a>\
             <a href='../../f/s.tgz#sha256={hash}' data-yanked=\"it's\">s</a><a href=t.tgz#md5=0>t</a><a href='mailto:x#sha256={hash}'>u</a>"
        ),
    );
    let found = public(&html_page, &asked).expect("a page");
    let body = text(&found.page.body).expect("UTF-8");
    let links = format!(
        "<body>\n<a href=\"public/{hash}/r%2B1.whl#sha256={hash}\" data-requires-python=\"&gt;=3\">r+1.whl</a><br>\n\
         <a href=\"public/{hash}/s.tgz#sha256={hash}\" data-yanked=\"it&#39;s\">s.tgz</a><br>\n</body>"
    );
    assert!(body.contains(&links), "{body}");
    assert_eq!(found.dropped, 2);
    let urls = [
        "https://files.example/x/r+1.whl",
        "https://index.example/f/s.tgz",
    ];
    let files = ["r+1.whl", "s.tgz"].into_iter().zip(urls);
    let files: Vec<PublicFile> = files
        .map(|(name, url)| PublicFile {
            sha256: hash.clone(),
            name: name.to_owned(),
            url: Url::parse(url).expect("a URL"),
        })
        .collect();
    assert_eq!(found.files, files);

    let hashes = json!({"sha256": hash});
    let body = json!({"meta": {"api-version": "1.1"}, "files": [
        {"filename": "r+1.whl", "url": urls[0], "hashes": hashes, "core-metadata": hashes, "dist-info-metadata": true, "size": 7},
        {"filename": "s.tgz", "url": "../../f/s.tgz", "hashes": hashes},
        {"filename": "../s.tgz", "url": "../../f/s.tgz", "hashes": hashes},
        {"filename": "t.tgz", "url": "t.tgz", "hashes": {}},
    ]});
    let found = public(&page(JSON, body.to_string()), &asked).expect("a page");
    assert_eq!(found.files, files);
    assert_eq!(found.dropped, 2);
    let found: Value = serde_json::from_slice(&found.page.body).expect("JSON");
    let expected = json!({"meta": {"api-version": "1.1"}, "files": [
        {"filename": "r+1.whl", "url": format!("public/{hash}/r%2B1.whl"), "hashes": hashes, "core-metadata": false, "dist-info-metadata": null, "size": 7},
        {"filename": "s.tgz", "url": format!("public/{hash}/s.tgz"), "hashes": hashes},
    ]});
    assert_eq!(found, expected);
}

#[test]
fn names_are_one_however_they_are_written() {
    for name in ["Acme-Tool", "acme_tool", "ACME.tool", "acme-_.tool"] {
        assert_eq!(normalised(name).as_deref(), Some("acme-tool"));
    }
    assert_eq!(folded("-A_"), "-a-");
    // The Kelvin sign, whose lower case is a Latin k.
    for other in ["", "-a-", "_", "a b", "a/b", "\u{212a}elvin", "caf\u{e9}"] {
        assert_eq!(normalised(other), None, "{other}");
    }
    for (path, expected) in [
        ("simple/Foo_Bar/1/F_B.whl", "simple/foo-bar/1/F_B.whl"),
        ("simple/foo-bar/", "simple/foo-bar/"),
        ("simple/-/x", "simple/-/x"),
        ("other/Foo/x", "other/Foo/x"),
    ] {
        assert_eq!(in_one_spelling(path), expected);
    }
}

#[derive(Clone, Debug)]
struct Listed {
    host: usize,
    path: String,
    has_hash: bool,
    quote: usize,
}

fn listed() -> impl Strategy<Value = Vec<Listed>> {
    let one = (
        0..6_usize,
        "[a-z0-9@%+&;:./?-]{0,16}",
        any::<bool>(),
        0..3_usize,
    );
    let one = one.prop_map(|(host, path, has_hash, quote)| Listed {
        host,
        path,
        has_hash,
        quote,
    });
    prop::collection::vec(one, 0..8)
}

impl Listed {
    fn url(&self) -> String {
        let hosts = [
            "",
            "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com/pypi/all/simple/requests/",
            "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com/",
            "//files.example/",
            "https://aws:token@files.example/",
            "../../",
        ];
        let hash = if self.has_hash {
            format!("#sha256={}", sha256('0'))
        } else {
            String::new()
        };
        format!("{}{}{hash}", hosts[self.host], self.path)
    }
}

proptest! {
    #[test]
    fn a_neutral_html_page_names_no_endpoint_and_stays_as_it_is(listed in listed()) {
        let links = listed.iter().map(|link| {
            let quote = ["\"", "'", ""][link.quote];
            let url = link.url().replace('&', "&amp;");
            format!("<a x=1 href={quote}{url}{quote} >x</a>")
        });
        let (first, dropped) = html(links.collect::<Vec<_>>().join("\n"));
        prop_assert!(!first.contains("amazonaws") && !first.contains("token"), "{}", first);
        prop_assert_eq!(html(first.clone()), (first.clone(), 0));
        let empty = listed.iter().filter(|link| link.url().is_empty()).count();
        prop_assert_eq!(first.matches("<a").count(), listed.len() - dropped);
        let files = files(&page(HTML, first), "simple/requests/").expect("files");
        prop_assert!(files.len() + empty <= listed.len() - dropped);
        prop_assert!(files.iter().all(|file| file.path.is_some() || file.sha256.is_some()));
    }

    #[test]
    fn a_neutral_json_page_names_no_endpoint_and_stays_as_it_is(listed in listed()) {
        let list = listed.iter().enumerate().map(|(at, link)| {
            let hashes = if link.quote == 0 { json!({"sha256": sha256('1')}) } else { json!({}) };
            json!({"filename": at.to_string(), "url": link.url(), "hashes": hashes})
        });
        let body = json!({"files": list.collect::<Vec<_>>()});
        let (first, dropped) = json(&body);
        let text = first.to_string();
        prop_assert!(!text.contains("amazonaws") && !text.contains("token"), "{}", text);
        prop_assert_eq!(json(&first), (first.clone(), 0));
        let files = files(&page(JSON, text), "simple/requests/").expect("files");
        prop_assert!(files.iter().all(|file| file.path.is_some() || file.sha256.is_some()));
        let kept = first["files"].as_array().expect("files");
        prop_assert_eq!(kept.len() + dropped, listed.len());
        for kept in kept {
            let at: usize = kept["filename"].as_str().expect("a name").parse().expect("a number");
            prop_assert_eq!(&kept["hashes"], &body["files"][at]["hashes"]);
            let url = kept["url"].as_str().expect("a URL");
            prop_assert_eq!(url.contains("#sha256="), listed[at].has_hash);
        }
    }

    #[test]
    fn any_text_is_no_panic(body in "[a-z0-9<>\"'=/&;#:! -]{0,64}", is_html in any::<bool>()) {
        let page = page(if is_html { HTML } else { JSON }, body);
        if let Ok(found) = neutral(&page, &asked(), &root()) {
            let again = neutral(&found.page, &asked(), &root()).expect("still a page");
            prop_assert_eq!(again.page, found.page);
        }
        let _any = (files(&page, "simple/a/").is_ok(), public(&page, &asked()).is_ok());
    }
}
