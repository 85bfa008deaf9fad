use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ROOT: &str = "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com/npm/all/";
const SHASUM: &str = "f7c3bc1d808e04732adf679965ccc34ca7ae3441";
const SHA1: &str = "98O8HYCOBHMq32eZZczDTKeuNEE=";
const SHA512: &str =
    "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==";

fn root() -> Url {
    Url::parse(ROOT).expect("a URL")
}

fn page(body: impl Into<Bytes>) -> Page {
    Page {
        content_type: "application/json; charset=utf-8".to_owned(),
        body: body.into(),
    }
}

fn neutral_of(body: impl Into<Bytes>) -> Neutral {
    neutral(&page(body), &root()).expect("a packument")
}

fn value(page: &Page) -> Value {
    serde_json::from_slice(&page.body).expect("JSON")
}

fn promised_of(page: &Page, path: &str) -> Vec<ExpectedChecksum> {
    promised(page).remove(path).unwrap_or_default()
}

#[test]
fn nothing_but_links_and_missing_hashes_changes() {
    let body = format!(
        r#"{{ "name" : "pad", "z":1.0e2,"dist-tags":{{"latest":"1.0.0"}},
  "versions":{{"1.0.0":{{"_resolved":"{ROOT}pad/-/pad-1.0.0.tgz","dist":{{"shasum":"{SHASUM}","tarball":"{ROOT}pad/-/pad-1.0.0.tgz" ,"x":"\u00e9"}}}} }},
  "readme":"see \"{ROOT}\" or {MARK}","a":null}}"#
    );
    let found = neutral_of(body.clone());
    let expected = body
        .replace(
            &format!("_resolved\":\"{ROOT}"),
            &format!("_resolved\":\"{MARK}"),
        )
        .replace(
            &format!("\"tarball\":\"{ROOT}pad/-/pad-1.0.0.tgz\""),
            &format!("\"tarball\":\"{MARK}pad/-/pad-1.0.0.tgz\",\"integrity\":\"sha1-{SHA1}\""),
        );
    assert_eq!(std::str::from_utf8(&found.page.body), Ok(expected.as_str()));
    assert_eq!(found.dropped, 0);
    let rendered = rendered(&found.page, "http://localhost:8080/codeartifact/main/npm");
    let tarball = "http://localhost:8080/codeartifact/main/npm/pad/-/pad-1.0.0.tgz";
    let value = value(&rendered);
    assert_eq!(value["versions"]["1.0.0"]["dist"]["tarball"], tarball);
    assert_eq!(value["versions"]["1.0.0"]["_resolved"], tarball);
    assert_eq!(value["readme"], format!("see \"{ROOT}\" or {MARK}"));
}

#[test]
fn a_base_cannot_break_out_of_its_text() {
    let body = json!({"dist": {"tarball": format!("{ROOT}a.tgz")}}).to_string();
    let rendered = rendered(&neutral_of(body).page, "http://a\",\"b\":\"/");
    assert_eq!(
        value(&rendered),
        json!({"dist": {"tarball": "http://a\",\"b\":\"/a.tgz"}})
    );
}

#[test]
fn versions_of_others_stay_with_a_hash_only_and_take_their_tags_along() {
    let away = "https://files.example/pad.tgz";
    let body = json!({
        "dist-tags": {"latest": "3.0.0", "old": "1.0.0", "beta": "2.0.0"},
        "versions": {
            "1.0.0": {"dist": {"tarball": away}},
            "2.0.0": {"dist": {"tarball": away, "integrity": format!("sha512-{SHA512}")}},
            "3.0.0": {"dist": {"tarball": "file:///etc/passwd", "shasum": SHASUM}},
            "4.0.0": {"dist": {"tarball": ROOT.replace("/npm/all/", "/npm/other/a.tgz"), "shasum": SHASUM}},
            "5.0.0": {"dist": {"tarball": "https://u:p@files.example/pad.tgz", "shasum": SHASUM}},
            "6.0.0": {"dist": {"tarball": 7, "shasum": SHASUM}},
            "7.0.0": {},
        },
    });
    let found = neutral_of(body.to_string());
    assert_eq!(found.dropped, 4);
    let expected = json!({
        "dist-tags": {"beta": "2.0.0"},
        "versions": {
            "2.0.0": {"dist": {"tarball": away, "integrity": format!("sha512-{SHA512}")}},
            "5.0.0": {"dist": {"tarball": away, "shasum": SHASUM, "integrity": format!("sha1-{SHA1}")}},
            "7.0.0": {},
        },
    });
    assert_eq!(value(&found.page), expected);
}

#[test]
fn a_document_of_one_version_is_made_fit_too() {
    let body = json!({"name": "pad", "dist": {"tarball": "https:\\/\\/files.example/a.tgz"}});
    let found = neutral_of(body.to_string().replace("\\\\", "\\"));
    assert_eq!(found.dropped, 1);
    assert_eq!(value(&found.page)["dist"]["tarball"], Value::Null);
    let again = neutral_of(found.page.body.clone());
    assert_eq!((again.page, again.dropped), (found.page, 0));
    let body = format!(r#"{{"dist":{{"tarball":"{}"}}}}"#, ROOT.replace('/', "\\/"));
    let found = neutral_of(body);
    assert_eq!(
        found.page.body,
        format!(r#"{{"dist":{{"tarball":"{MARK}"}}}}"#)
    );
}

#[test]
fn integrity_that_is_there_stays_and_what_is_no_hash_makes_none() {
    for (integrity, shasum, expected) in [
        (json!("sha512-x"), json!(SHASUM), json!("sha512-x")),
        (json!(""), json!(SHASUM), json!(format!("sha1-{SHA1}"))),
        (Value::Null, json!(SHASUM), json!(format!("sha1-{SHA1}"))),
        (Value::Null, json!("f7"), Value::Null),
        (Value::Null, json!(7), Value::Null),
    ] {
        let dist =
            json!({"tarball": format!("{ROOT}a.tgz"), "integrity": integrity, "shasum": shasum});
        let found = neutral_of(json!({"versions": {"1": {"dist": dist}}}).to_string());
        let found = &value(&found.page)["versions"]["1"]["dist"]["integrity"];
        assert_eq!(*found, expected);
    }
}

#[test]
fn a_tarball_s_promises_are_found_by_its_path() {
    let dist = |path: &str| json!({"dist": {"tarball": format!("{ROOT}{path}"), "shasum": SHASUM, "integrity": format!("sha512-{SHA512}")}});
    let body = json!({"versions": {
        "1.0.0": {"dist": {"tarball": format!("{ROOT}pad/-/pad-1.0.0.tgz"), "shasum": SHASUM}},
        "2.0.0": dist("%40acme%2Fpad/-/pad-2.0.0%2Bx.tgz"),
        "3.0.0": {"dist": {"tarball": format!("{ROOT}pad/-/pad-3.0.0.tgz")}},
    }});
    let page = neutral_of(body.to_string()).page;
    let sha1 = ExpectedChecksum::Sha1(SHA1.to_owned());
    let sha512 = ExpectedChecksum::Sha512(SHA512.to_owned());
    let plain = promised_of(&page, "pad/-/pad-1.0.0.tgz");
    assert_eq!(plain.as_slice(), std::slice::from_ref(&sha1));
    let scoped = promised_of(&page, "@acme/pad/-/pad-2.0.0+x.tgz");
    assert_eq!(scoped, [sha512, sha1]);
    assert_eq!(promised_of(&page, "pad/-/pad-3.0.0.tgz"), []);
    assert_eq!(promised_of(&page, "pad/-/pad-4.0.0.tgz"), []);
}

#[test]
fn what_is_no_packument_is_refused_by_name() {
    let html = Page {
        content_type: "text/html".to_owned(),
        body: Bytes::from_static(b"{}"),
    };
    let refused = neutral(&html, &root());
    assert!(matches!(refused, Err(PageError::ContentType(_))));
    let cut = neutral(&page("{\"versions\":{\"1\":{"), &root()).expect_err("cut");
    assert!(cut.to_string().contains("line 1 column"), "{cut}");
    let odd = neutral(&page("{\"versions\":{\"1.0\":[7]}}"), &root()).expect_err("odd");
    assert!(odd.to_string().contains("version \"1.0\""), "{odd}");
    let twice = format!(r#"{{"dist":{{"tarball":"{ROOT}a","tarball":"https://b.example/"}}}}"#);
    let twice = neutral(&page(twice), &root()).expect_err("two");
    assert!(twice.to_string().contains("duplicate field"), "{twice}");
    let no_utf8 = neutral(&page(&b"{\"a\":\"\xFF\"}"[..]), &root());
    assert!(matches!(no_utf8, Err(PageError::NotUtf8(6))));
    let other = Page {
        content_type: "application/json;charset=latin1".to_owned(),
        ..page("{}")
    };
    assert!(matches!(
        neutral(&other, &root()),
        Err(PageError::Charset(_))
    ));
}

#[test]
fn a_key_that_comes_twice_is_made_fit_twice() {
    let dist = format!(r#"{{"dist":{{"tarball":"{ROOT}a.tgz"}}}}"#);
    let found = neutral_of(format!(r#"{{"versions":{{"1":{dist},"1":{dist}}}}}"#));
    assert!(memmem::find(&found.page.body, b"amazonaws").is_none());
}

proptest! {
    #[test]
    fn a_neutral_packument_names_no_endpoint_and_stays_as_it_is(
        versions in prop::collection::btree_map(
            "[0-9]\\.[0-9]\\.[0-9]",
            (0..6_usize, "[a-z@%/.]{0,12}", any::<bool>(), prop::option::of(any::<bool>())),
            0..8,
        ),
        latest in "[0-9]\\.[0-9]\\.[0-9]",
    ) {
        let dists = versions.iter().map(|(version, (host, path, has_shasum, integrity))| {
            let host = [ROOT, "", "//files.example/", "https://files.example/", "mailto:", "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com/"][*host];
            let mut dist = json!({"tarball": format!("{host}{path}")});
            if *has_shasum {
                dist["shasum"] = SHASUM.into();
            }
            if let Some(integrity) = integrity {
                dist["integrity"] = if *integrity { json!(format!("sha512-{SHA512}")) } else { Value::Null };
            }
            (version.clone(), json!({"dist": dist, "name": version}))
        });
        let versions: serde_json::Map<String, Value> = dists.collect();
        let body = json!({"dist-tags": {"latest": latest}, "versions": versions}).to_string();
        let first = neutral_of(body);
        prop_assert!(memmem::find(&first.page.body, b"amazonaws").is_none());
        let again = neutral_of(first.page.body.clone());
        prop_assert_eq!(&again.page, &first.page);
        prop_assert_eq!(again.dropped, 0);
        let kept = value(&first.page);
        let kept = kept["versions"].as_object().expect("versions");
        prop_assert_eq!(kept.len() + first.dropped, versions.len());
        for (version, kept) in kept {
            let before = &versions[version]["dist"];
            prop_assert_eq!(&kept["dist"]["shasum"], &before["shasum"]);
            if before["integrity"].is_string() {
                prop_assert_eq!(&kept["dist"]["integrity"], &before["integrity"]);
            }
        }
    }

    #[test]
    fn any_text_is_no_panic(body in "[\\x00-\\x7F]{0,64}") {
        if let Ok(found) = neutral(&page(body), &root()) {
            let _any = promised(&found.page);
        }
    }
}
