//! `bazel-proxy cache ls|verify|purge`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cache::{CacheFolder, Inspection, inspect, purge};
use crate::cli::CacheCommand;

pub(super) fn run(command: &CacheCommand, vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let config = match super::config_without_bucket(vars) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(super::EXIT_USAGE);
        }
    };
    let folder = CacheFolder::new(config.cache.folder);
    let outcome = match command {
        CacheCommand::Ls(args) => list(&folder, &args.prefix),
        CacheCommand::Verify(args) => verify(&folder, &args.prefix),
        CacheCommand::Purge(args) => clear(&folder, &args.prefix),
    };
    match outcome {
        Ok(code) => code,
        // `cache ls | head` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.top().display());
            ExitCode::FAILURE
        }
    }
}

fn list(folder: &CacheFolder, prefix: &str) -> io::Result<ExitCode> {
    let mut found: Vec<_> = chosen(folder, prefix, false).collect();
    found.sort_by(|one, other| key_of(one).cmp(key_of(other)));
    let mut out = io::stdout().lock();
    let mut bytes = 0;
    for file in &found {
        bytes += file.file_bytes;
        let served = jiff::Timestamp::from_second(file.served_at).unwrap_or_default();
        match &file.metadata {
            Ok(metadata) => {
                writeln!(
                    out,
                    "{:>12}  {served}  {}",
                    metadata.attributes.length, metadata.key
                )?;
            }
            Err(error) => writeln!(out, "{:>12}  {served}  ! {error}", file.file_bytes)?,
        }
    }
    writeln!(
        out,
        "{} objects, {bytes} bytes in {}",
        found.len(),
        folder.top().display()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn verify(folder: &CacheFolder, prefix: &str) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut whole, mut broken) = (0_u64, 0_u64);
    for file in chosen(folder, prefix, true) {
        match &file.metadata {
            Ok(_) => whole += 1,
            Err(error) => {
                broken += 1;
                writeln!(out, "broken: {}: {error}", file.path.display())?;
            }
        }
    }
    writeln!(out, "{whole} whole, {broken} broken")?;
    if broken > 0 {
        writeln!(
            out,
            "A broken file is fetched again when it is asked for; nothing need be done."
        )?;
    }
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn clear(folder: &CacheFolder, prefix: &str) -> io::Result<ExitCode> {
    let (files, bytes) = purge(folder, prefix)?;
    writeln!(io::stdout(), "removed {files} objects, {bytes} bytes")?;
    Ok(ExitCode::SUCCESS)
}

/// Broken files belong to every prefix, as nobody knows whose they are.
fn chosen(folder: &CacheFolder, prefix: &str, thorough: bool) -> impl Iterator<Item = Inspection> {
    inspect(folder, thorough).filter(move |file| {
        file.metadata
            .as_ref()
            .map_or(true, |metadata| metadata.key.starts_with(prefix))
    })
}

fn key_of(file: &Inspection) -> &str {
    file.metadata.as_ref().map_or("", |metadata| &metadata.key)
}
