//! Maven, whose plugins come from Debian's own repository.

use std::process::Command;

use tests::clients::{MAVEN, Part, SAMPLE_JARS};

use super::{Client, Place};

/// Maven.
#[derive(Debug)]
pub(crate) struct Maven;

/// A plugin of Debian 12's, and its goal.
pub(crate) const COPY_DEPENDENCIES: &str =
    "org.apache.maven.plugins:maven-dependency-plugin:3.5.0:copy-dependencies";
/// As above.
pub(crate) const DEPLOY_FILE: &str =
    "org.apache.maven.plugins:maven-deploy-plugin:3.0.0:deploy-file";

/// Maven in its project, with a repository of its own.
pub(crate) fn maven(place: &Place, goal: &str) -> Command {
    let repository = format!("{}/maven/", place.index);
    let settings = format!(
        "<settings><profiles><profile><id>acme</id>\
         <repositories><repository><id>central</id><url>{repository}</url></repository></repositories>\
         <pluginRepositories><pluginRepository><id>central</id>\
         <url>file:///usr/share/maven-repo</url></pluginRepository></pluginRepositories>\
         </profile></profiles><activeProfiles><activeProfile>acme</activeProfile></activeProfiles>\
         </settings>"
    );
    place.write("settings.xml", settings);
    maven_with(place, goal)
}

/// The same, with the settings that are there.
pub(crate) fn maven_with(place: &Place, goal: &str) -> Command {
    let mut maven = place.command(MAVEN.path());
    maven
        .args(["-B", "-s", "settings.xml", "-Dmaven.repo.local=local"])
        .arg(goal);
    maven
}

/// A project that wants a package of the group `com.acme`; the range asks for all its versions.
pub(crate) fn pom(name: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>app</groupId><artifactId>app</artifactId><version>1</version>\
         <packaging>pom</packaging><dependencies><dependency><groupId>com.acme</groupId>\
         <artifactId>{name}</artifactId><version>[1.0,)</version></dependency></dependencies></project>"
    )
}

impl Client for Maven {
    fn parts(&self) -> Vec<Part> {
        vec![MAVEN, SAMPLE_JARS]
    }

    fn format(&self) -> &'static str {
        "maven"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        place.write("pom.xml", pom(name));
        vec![maven(place, COPY_DEPENDENCIES)]
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        let entries = std::fs::read_dir(place.file("target/dependency")).ok()?;
        entries.flatten().find_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let version = file
                .strip_prefix(&format!("{name}-"))?
                .strip_suffix(".jar")?;
            let is_version = version.starts_with(|first: char| first.is_ascii_digit());
            is_version.then(|| version.to_owned())
        })
    }
}
