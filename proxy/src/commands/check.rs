//! `bazel-proxy check`: every step that serving needs, each with its cure.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, CacheError, CacheFolder, Limits};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::origin::Origin;

/// Credentials may come from a slow `credential_process`.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(25);
const BUCKET_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(args: &CheckArgs, vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let vars = |name: &str| match (name, &args.profile) {
        ("AWS_PROFILE", Some(profile)) => Some(profile.clone()),
        _ => vars(name),
    };
    let config = match Config::from_vars(&vars) {
        Ok(config) => config,
        Err(faults) => {
            for fault in &faults.0 {
                failed("configuration", &super::one_line(fault), &fault.cure);
            }
            return ExitCode::from(super::EXIT_USAGE);
        }
    };
    passed(
        "configuration",
        &format!("{} in {}", config.repository(), config.region),
    );
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            failed(
                "runtime",
                &error.to_string(),
                "Raise the limits of this shell.",
            );
            return ExitCode::FAILURE;
        }
    };
    let cache = check_cache(&config);
    let aws = runtime.block_on(check_aws(&config, &vars));
    runtime.shutdown_background();
    if cache && aws {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check_cache(config: &Config) -> bool {
    let folder = CacheFolder::new(&config.cache.folder);
    let limits = Limits {
        max_bytes: config.cache.max_size_bytes,
        min_free_bytes: config.cache.min_free_bytes,
    };
    let place = config.cache.folder.display().to_string();
    match Cache::open(folder.clone(), limits) {
        Ok(_) => {}
        Err(CacheError::InUse(_)) => {
            passed("cache", &format!("{place}, in use by a running proxy"));
            return true;
        }
        Err(error @ (CacheError::Io { .. } | CacheError::NoRoom { .. })) => {
            failed(
                "cache",
                &error.to_string(),
                "Name a folder that you may write in CACHE_DIR.",
            );
            return false;
        }
    }
    check_free_space(&folder, config.cache.min_free_bytes, &place)
}

fn check_free_space(folder: &CacheFolder, min_free_bytes: u64, place: &str) -> bool {
    let available = folder
        .disk_space()
        .map_or(u64::MAX, |(available, _)| available);
    if available < min_free_bytes {
        let problem = format!("{place} has {available} bytes free: nothing new will be cached");
        failed(
            "cache",
            &problem,
            "Free some space, or lower CACHE_MIN_FREE.",
        );
        return false;
    }
    passed("cache", &format!("{place}, {} MiB free", available >> 20));
    true
}

async fn check_aws(config: &Config, vars: &impl Fn(&str) -> Option<String>) -> bool {
    let (keeper, credentials, http) = super::keeper(config, vars);
    let keeping = tokio::spawn(keeper.run(std::future::pending()));
    let good = check_credentials(config, &credentials).await && {
        let origin = Arc::new(Origin::new(config, credentials, http));
        check_bucket(config, &origin).await
    };
    keeping.abort();
    good
}

async fn check_credentials(config: &Config, credentials: &Credentials) -> bool {
    match credentials.looked_at(CREDENTIALS_PATIENCE).await {
        Ok(valid) => {
            let expiry = valid.credentials.expiry().map_or_else(
                || "no expiry told".to_owned(),
                |expiry| match jiff::Timestamp::try_from(expiry) {
                    Ok(expiry) => format!("until {expiry}"),
                    Err(_) => "an expiry out of range".to_owned(),
                },
            );
            passed("credentials", &format!("{}, {expiry}", config.profile));
            true
        }
        Err(error) => failed_with("credentials", &error),
    }
}

async fn check_bucket(config: &Config, origin: &Origin) -> bool {
    match origin.probe(BUCKET_PATIENCE).await {
        Ok(true) => passed(
            "bucket",
            &format!("`{}` answers and can be listed", config.bucket),
        ),
        Ok(false) => passed(
            "bucket",
            &format!(
                "`{}` answers, but s3:ListBucket is missing: folders cannot be listed, and a \
                 denied artifact looks like a missing one",
                config.bucket
            ),
        ),
        Err(error) => return failed_with("bucket", &error),
    }
    true
}

fn failed_with(step: &str, error: &Error) -> bool {
    match error {
        Error::LoginRequired(trouble)
        | Error::Misconfigured(trouble)
        | Error::ClockSkew(trouble)
        | Error::Unavailable(trouble) => failed(step, &trouble.reason, &trouble.cure),
        Error::NotFound
        | Error::MissingOrDenied
        | Error::Denied(_)
        | Error::Changed
        | Error::Corrupt(_)
        | Error::Cache(_) => failed(step, &error.to_string(), "See the policy in the README."),
    }
    false
}

fn passed(step: &str, what: &str) {
    say(&format!("ok    {step:<14} {what}"));
}

fn failed(step: &str, problem: &str, cure: &str) {
    say(&format!("FAIL  {step:<14} {problem}"));
    say(&format!("      {:<14} → {cure}", ""));
}

/// Whoever closes the other end (`check | head`) does not want the rest.
fn say(line: &str) {
    let _outcome = writeln!(io::stdout(), "{line}");
}
