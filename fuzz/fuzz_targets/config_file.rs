//! Any bytes are a configuration file or not: no panic, faults point into the file, each on lines of its own, and
//! nothing that was put in from outside is shown.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use bazel_proxy::config::{FileConfig, FileFaults, ServerConfig, ServicesFile, SourceConfig};
use libfuzzer_sys::fuzz_target;

const HIDDEN: &str = "hidden-value-of-a-variable";

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    let path: PathBuf = FOLDER.path().join("config.yaml");
    std::fs::write(&path, bytes).expect("a file");
    let vars = |name: &str| match name {
        "HOME" => Some("/home/dev".to_owned()),
        "A" => Some(HIDDEN.to_owned()),
        "B" => Some("${fromEnv:A}\nüb er".to_owned()),
        "PORT" => Some("1".to_owned()),
        _ => None,
    };
    match FileConfig::read(&path, &vars) {
        Ok(config) => {
            let serves_containers = !config.services.is_empty() || config.dynamic_services.is_some();
            assert!(serves_containers || !config.codeartifact.is_empty());
            assert_eq!(config.inputs.first(), Some(&path));
            for service in &config.services {
                assert!(service.token.secret.expose().len() >= 16);
                assert!((1..=128).contains(&service.name.len()));
            }
            for upstream in &config.codeartifact {
                assert!(upstream.domain_owner.bytes().all(|byte| byte.is_ascii_digit()));
                assert!(!upstream.formats.is_empty());
                if let Some(fallback) = &upstream.public_fallback {
                    assert!(!fallback.names.is_empty() && fallback.index_url.password().is_none());
                    let is_private = |name: &String| {
                        let mut prefixes = fallback.private_prefixes.iter();
                        prefixes.any(|prefix| name.starts_with(prefix))
                    };
                    assert!(!fallback.names.iter().any(is_private));
                }
            }
        }
        Err(faults) => check(&faults, bytes),
    }
    match ServicesFile::read(&path, &SourceConfig::default(), &vars) {
        Ok(file) => assert_eq!(file.inputs.first(), Some(&path)),
        Err(faults) => check(&faults, bytes),
    }
    let _anything = FileConfig::seems_to_name_upstreams(&path);
    let _anything = ServerConfig::guess(&path, &vars);
});

fn check(faults: &FileFaults, bytes: &[u8]) {
    assert!(!faults.list.is_empty());
    // YAML ends a line also with a carriage return alone.
    let ends = bytes.iter().filter(|byte| b"\n\r".contains(byte)).count();
    for fault in &faults.list {
        assert!((1..=ends + 2).contains(&fault.place.line), "{fault:?}");
        assert!((1..=bytes.len() + 2).contains(&fault.place.column), "{fault:?}");
        assert!(!fault.problem.chars().any(char::is_control), "{fault:?}");
        assert!(!fault.problem.is_empty() && !fault.cure.is_empty());
    }
    let text = faults.to_string();
    let is_in_the_file = bytes.windows(HIDDEN.len()).any(|part| part == HIDDEN.as_bytes());
    assert!(is_in_the_file || !text.contains(HIDDEN), "{text}");
}
