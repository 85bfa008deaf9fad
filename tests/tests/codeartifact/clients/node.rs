//! npm and pnpm.

use std::process::Command;

use serde_json::{Value, json};
use tests::clients::{NODE, NPM, PNPM, Part};

use super::{Client, Place};

/// npm.
#[derive(Debug)]
pub(crate) struct Npm;

/// pnpm.
#[derive(Debug)]
pub(crate) struct Pnpm;

/// The project's file.
pub(crate) fn package_json(name: &str) -> String {
    let package = json!({ "name": "app", "version": "1.0.0", "dependencies": { name: "*" } });
    package.to_string()
}

fn installed(place: &Place, name: &str) -> Option<String> {
    let path = place.file(&format!("node_modules/{name}/package.json"));
    let package: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// Either of them, which ask for news of themselves unless they are told not to.
fn without_news(mut command: Command, place: &Place) -> Command {
    command
        .env("NPM_CONFIG_REGISTRY", format!("{}/npm/", place.index))
        .env("NPM_CONFIG_UPDATE_NOTIFIER", "false")
        .env("NPM_CONFIG_AUDIT", "false")
        .env("NPM_CONFIG_FUND", "false");
    command
}

pub(crate) fn npm(place: &Place) -> Command {
    let mut command = without_news(place.command(NPM.path()), place);
    command.env("NPM_CONFIG_GLOBALCONFIG", place.file("no-npmrc"));
    command
}

pub(crate) fn pnpm(place: &Place) -> Command {
    let mut command = without_news(place.command(PNPM.path()), place);
    command
        .env("XDG_DATA_HOME", place.file("data"))
        .env("CI", "1");
    command
}

impl Client for Npm {
    fn parts(&self) -> Vec<Part> {
        vec![NODE, NPM]
    }

    fn format(&self) -> &'static str {
        "npm"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        place.write("package.json", package_json(name));
        let mut npm = npm(place);
        npm.arg("install");
        vec![npm]
    }

    fn lock(&self, place: &Place, name: &str) -> Option<Command> {
        place.write("package.json", package_json(name));
        let mut npm = npm(place);
        npm.args(["install", "--package-lock-only"]);
        Some(npm)
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        installed(place, name)
    }
}

impl Client for Pnpm {
    fn parts(&self) -> Vec<Part> {
        vec![NODE, PNPM]
    }

    fn format(&self) -> &'static str {
        "npm"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        place.write("package.json", package_json(name));
        let mut pnpm = pnpm(place);
        pnpm.args(["install", "--no-frozen-lockfile", "--registry"])
            .arg(format!("{}/npm/", place.index));
        vec![pnpm]
    }

    fn lock(&self, place: &Place, name: &str) -> Option<Command> {
        place.write("package.json", package_json(name));
        let mut pnpm = pnpm(place);
        pnpm.args(["install", "--lockfile-only", "--registry"])
            .arg(format!("{}/npm/", place.index));
        Some(pnpm)
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        installed(place, name)
    }
}
