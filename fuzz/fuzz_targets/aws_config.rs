//! Any bytes are a configuration or not: no panic, and an error points into its file, on one line.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sso_session::config::{CredentialSource, FileContent, resolve_text};

fuzz_target!(|bytes: &[u8]| {
    // Where a byte divides them, the rest is the credentials file.
    let mut files = bytes.splitn(2, |byte| *byte == 0);
    let [config, credentials] = [files.next(), files.next()];
    let file = |path, bytes| FileContent {
        path: Path::new(path),
        bytes,
    };
    for profile in ["default", "a", "b c"] {
        let resolved = resolve_text(
            file("/config", config),
            file("/credentials", credentials),
            &|_| None,
            profile,
        );
        match resolved {
            Err(error) => {
                let in_config = error.file() == Path::new("/config");
                let text = if in_config { config } else { credentials };
                let text = text.unwrap_or_default();
                let ends = text.iter().filter(|byte| b"\n\r".contains(byte)).count();
                assert!(error.line().is_none_or(|line| (1..=ends + 1).contains(&line)));
                assert!(!error.to_string().contains(['\n', '\r']));
            }
            Ok(resolved) => {
                let CredentialSource::Sso(sso) = resolved.source else {
                    continue;
                };
                assert!(!sso.account_id.is_empty() && !sso.role_name.is_empty());
                assert_eq!(sso.session.token_file_name().len(), 45);
                assert_eq!(sso.session.registration_file_name().len(), 45);
            }
        }
    }
});
