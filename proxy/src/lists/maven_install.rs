//! `maven_install.json`, the lock file of `rules_jvm_external`
//! (its `private/rules/v1_lock_file.bzl` and `v3_lock_file.bzl`, which reads version 2, too).
//!
//! Bazel downloads from it exactly the files that it names, by digest; no poms, no checksum files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::bounds::Found;
use super::{Entry, ListError, OurHosts};
use crate::artifact::{ArtifactKey, Coordinates};

const EXPECTED: &str = "a maven_install.json of rules_jvm_external (lock file version 0.1, 2 or 3)";
const OF_OTHERS: &str = "artifacts that the lock file takes from other repositories";

#[derive(Deserialize)]
struct Envelope {
    dependency_tree: Option<TreeVersion1>,
    version: Option<String>,
}

#[derive(Deserialize)]
struct TreeVersion1 {
    version: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    coord: String,
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    mirror_urls: Vec<String>,
    sha256: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    artifacts: BTreeMap<String, Artifact>,
    #[serde(default)]
    skipped: BTreeSet<String>,
    repositories: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Artifact {
    version: String,
    #[serde(default)]
    shasums: BTreeMap<String, Option<String>>,
}

pub(super) fn read(text: &str, ours: &OurHosts, found: &mut Found) -> Result<(), ListError> {
    let Envelope {
        dependency_tree,
        version,
    } = parse(text)?;
    let version = dependency_tree
        .as_ref()
        .map(|tree| tree.version.clone())
        .or(version);
    match (dependency_tree, version.as_deref()) {
        (Some(tree), Some("0.1.0")) => version_1(tree, ours, found),
        (None, Some("2" | "3")) => version_2(&parse(text)?, ours, found),
        (_, Some(version)) => Err(whole(format!(
            "a lock file of version `{version}`, which is not known"
        ))),
        (_, None) => Err(whole("JSON without a lock file's `version`".to_owned())),
    }
}

fn version_1(tree: TreeVersion1, ours: &OurHosts, found: &mut Found) -> Result<(), ListError> {
    let dependencies = tree.dependencies.into_iter();
    // What has no file (a pom, sources that nobody published) is not downloaded.
    let files = dependencies.filter(|dependency| dependency.file.is_some());
    let files: Vec<_> = files.collect();
    let urls = |dependency: &Dependency| {
        let urls = dependency.url.iter().chain(&dependency.mirror_urls);
        urls.cloned().collect::<Vec<_>>()
    };
    let any_is_ours = files
        .iter()
        .any(|file| urls(file).iter().any(|url| ours.has(url)));
    for file in &files {
        let key = if any_is_ours {
            let Some(key) = urls(file).iter().find_map(|url| ours.key(url)) else {
                found.leave_out(OF_OTHERS);
                continue;
            };
            key
        } else {
            key_of_coordinates(&file.coord)?
        };
        push(key, file.sha256.as_ref(), found)?;
    }
    Ok(())
}

/// `group:artifact[:packaging[:classifier]]:version`.
fn key_of_coordinates(text: &str) -> Result<ArtifactKey, ListError> {
    let parts: Vec<_> = text.split(':').collect();
    let (root, version, classifier) = match *parts.as_slice() {
        [group, artifact, version] => (vec![group, artifact], version, "jar"),
        [group, artifact, packaging, version] => (vec![group, artifact, packaging], version, "jar"),
        [group, artifact, packaging, classifier, version] => {
            (vec![group, artifact, packaging], version, classifier)
        }
        _ => return Err(whole(format!("`{text}`, which is no coordinates"))),
    };
    key(&root, version, classifier)
}

fn version_2(lock: &Lock, ours: &OurHosts, found: &mut Found) -> Result<(), ListError> {
    let our_repositories: Vec<_> = lock
        .repositories
        .iter()
        .filter(|(url, _)| ours.has(url))
        .collect();
    for (root, artifact) in &lock.artifacts {
        let parts: Vec<_> = root.split(':').collect();
        for (classifier, sha256) in &artifact.shasums {
            let id = id(&parts, classifier);
            // What nobody has published.
            let Some(sha256) = sha256.as_ref().filter(|_| !lock.skipped.contains(&id)) else {
                continue;
            };
            let key = key(&parts, &artifact.version, classifier)?;
            if our_repositories.is_empty() {
                push(key, Some(sha256), found)?;
                continue;
            }
            let mut offering = our_repositories.iter();
            let offered = offering.find(|(_, artifacts)| artifacts.contains(&id));
            match offered.map(|(url, _)| {
                ours.key(&format!("{url}{}", key.url_path().trim_start_matches('/')))
            }) {
                Some(Some(key)) => push(key, Some(sha256), found)?,
                Some(None) => return Err(whole(format!("`{root}`, which makes no key"))),
                None => found.leave_out(OF_OTHERS),
            }
        }
    }
    Ok(())
}

/// How the lock file's `repositories` and `skipped` name an artifact (`to_key` in `coordinates.bzl`).
fn id(parts: &[&str], classifier: &str) -> String {
    let module = parts.iter().take(2).copied().collect::<Vec<_>>().join(":");
    let packaging = parts.get(2).copied().unwrap_or("jar");
    match (packaging, classifier) {
        ("jar", "jar") => module,
        (packaging, "jar") => format!("{module}:{packaging}"),
        (packaging, classifier) => format!("{module}:{packaging}:{classifier}"),
    }
}

/// As `_to_m2_path` makes it: the packaging is the extension, and `jar` is no classifier.
fn key(parts: &[&str], version: &str, classifier: &str) -> Result<ArtifactKey, ListError> {
    let (group, artifact, packaging) = match *parts {
        [group, artifact] => (group, artifact, "jar"),
        [group, artifact, packaging, ..] => (group, artifact, packaging),
        _ => return Err(whole(format!("`{}`, which is no module", parts.join(":")))),
    };
    let classifier = Some(classifier).filter(|classifier| *classifier != "jar");
    let coordinates = Coordinates::new(group, artifact, version, classifier, packaging);
    let coordinates = coordinates.map_err(|error| whole(error.to_string()))?;
    Ok(coordinates.key())
}

fn push(key: ArtifactKey, sha256: Option<&String>, found: &mut Found) -> Result<(), ListError> {
    let sha256 = sha256.map(|digest| digest.to_ascii_lowercase());
    found.push(Entry::File {
        key,
        sha256: sha256.into_iter().collect(),
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ListError> {
    serde_json::from_str(text).map_err(|error| match error.line() {
        0 => whole(error.to_string()),
        line => ListError::Line {
            line,
            problem: error.to_string(),
            expected: EXPECTED,
        },
    })
}

fn whole(problem: String) -> ListError {
    ListError::Whole {
        problem,
        expected: EXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{Format, List, read};

    fn lock(version: &str, repositories: &str) -> String {
        format!(
            r#"{{
  "__AUTOGENERATED_FILE_DO_NOT_MODIFY_THIS_FILE_MANUALLY": "THERE_IS_NO_DATA_ONLY_ZUUL",
  "__INPUT_ARTIFACTS_HASH": {{"junit:junit": -744267592, "repositories": 1879491525}},
  "artifacts": {{
    "com.example:aar:aar": {{"shasums": {{"aar": null, "jar": "BB"}}, "version": "2"}},
    "com.example:lib": {{
      "shasums": {{"jar": "aa", "sources": "cc", "javadoc": null}},
      "version": "1.0"
    }},
    "com.example:none": {{"shasums": {{"jar": "dd", "sources": "ee"}}, "version": "1"}}
  }},
  "dependencies": {{"com.example:lib": ["com.example:aar:aar"]}},
  "packages": {{}},
  "repositories": {repositories},
  "services": {{}},
  "skipped": ["com.example:none:jar:sources"],
  "version": "{version}"
}}"#
        )
    }

    const PUBLIC: &str =
        r#"{"https://maven.example.com/maven2/": ["com.example:lib", "com.example:none"]}"#;
    const OURS: &str = r#"{
        "http://127.0.0.1:9000/maven/": ["com.example:lib", "com.example:lib:jar:sources"],
        "https://maven.example.com/maven2/": ["com.example:lib", "com.example:aar:aar", "com.example:none"]
    }"#;

    fn list(text: &str) -> Result<List, ListError> {
        read(text, None, &OurHosts::default())
    }

    fn files(list: List) -> Vec<(String, String)> {
        assert_eq!(list.format, Format::MavenInstall);
        let files = list.entries.into_iter().map(|entry| match entry {
            Entry::File { key, sha256 } => (key.to_string(), sha256.join(",")),
            other @ (Entry::Module(_) | Entry::Versions(_)) => panic!("{other:?}"),
        });
        files.collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = expected.iter();
        pairs
            .map(|(key, digest)| ((*key).to_owned(), (*digest).to_owned()))
            .collect()
    }

    #[test]
    fn a_lock_file_whose_urls_go_elsewhere_is_taken_whole() {
        for version in ["2", "3"] {
            let list = list(&lock(version, PUBLIC)).expect("a list");
            assert_eq!(
                files(list),
                pairs(&[
                    ("com/example/aar/2/aar-2.aar", "bb"),
                    ("com/example/lib/1.0/lib-1.0.jar", "aa"),
                    ("com/example/lib/1.0/lib-1.0-sources.jar", "cc"),
                    ("com/example/none/1/none-1.jar", "dd"),
                ])
            );
        }
    }

    #[test]
    fn where_this_repository_is_named_only_its_own_count() {
        let list = list(&lock("3", OURS)).expect("a list");
        assert_eq!(list.left_out.get(OF_OTHERS), Some(&2));
        assert_eq!(
            files(list),
            pairs(&[
                ("maven/com/example/lib/1.0/lib-1.0.jar", "aa"),
                ("maven/com/example/lib/1.0/lib-1.0-sources.jar", "cc"),
            ])
        );
    }

    fn version_1(host: &str) -> String {
        format!(
            r#"{{"dependency_tree": {{
              "__INPUT_ARTIFACTS_HASH": -1634240716,
              "dependencies": [
                {{"coord": "g:a:aar:c:1", "file": "v1/x.aar", "url": "https://elsewhere.example/m/g/a/1/a-1-c.aar",
                  "mirror_urls": ["{host}/m/g/a/1/a-1-c.aar"], "sha256": "aa", "dependencies": []}},
                {{"coord": "g:b:1", "file": "v1/b.jar", "url": "https://elsewhere.example/m/g/b/1/b-1.jar",
                  "sha256": "bb", "directDependencies": []}},
                {{"coord": "g:c:pom:1", "file": null, "url": null, "sha256": null}}
              ],
              "version": "0.1.0"}}}}"#
        )
    }

    #[test]
    fn the_first_lock_files_name_urls() {
        let ours = list(&version_1("http://me:secret@localhost:9000")).expect("a list");
        assert_eq!(ours.left_out.get(OF_OTHERS), Some(&1));
        assert_eq!(files(ours), pairs(&[("m/g/a/1/a-1-c.aar", "aa")]));
        let all = list(&version_1("https://third.example")).expect("a list");
        let expected = pairs(&[("g/a/1/a-1-c.aar", "aa"), ("g/b/1/b-1.jar", "bb")]);
        assert_eq!(files(all), expected);
    }

    #[test]
    fn what_is_no_lock_file_is_told_with_its_line() {
        for (text, word) in [
            ("{\"version\": \"4\"}", "version `4`, which is not known"),
            ("{}", "without a lock file's `version`"),
            ("{\n\"version\": 2}", "line 2: invalid type"),
            ("{\n\n", "line 3: EOF"),
            (
                r#"{"version": "2", "repositories": {}}"#,
                "missing field `artifacts`",
            ),
            (
                r#"{"version": "2", "repositories": {}, "artifacts": {"x": {"version": "1", "shasums": {"jar": "a"}}}}"#,
                "`x`, which is no module",
            ),
        ] {
            let error = list(text).expect_err("a fault").to_string();
            assert!(
                error.contains(word) && error.contains("maven_install.json"),
                "{error}"
            );
        }
    }
}
