//! What a pom refers to, as far as a build tool asks for it before it reads anything else: its parent,
//! the bills of materials that it imports, and the module that it has become.

use std::collections::BTreeMap;

use super::xml::{Event, XmlError, walk};
use crate::artifact::Coordinates;

/// What Gradle leaves in a pom beside which there is a module file
/// (Gradle Module Metadata specification, "Publishing").
const GRADLE_MARK: &str = "published-with-gradle-metadata";
/// Properties are put into properties at most so many times.
const MOST_ROUNDS: usize = 4;

/// A pom, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pom {
    /// Its parent, and the bills of materials that it imports.
    pub refers_to: Vec<Coordinates>,
    /// The module that this one has become.
    pub moved_to: Option<Coordinates>,
    /// Whether the module has no artifact of its own: it is a parent or a bill of materials, or has moved.
    pub is_alone: bool,
    /// Whether there is a description for Gradle beside it.
    pub has_gradle_module: bool,
}

#[derive(Default)]
struct Reading {
    own: Module,
    parent: Module,
    moved: Option<Module>,
    packaging: String,
    properties: BTreeMap<String, String>,
    managed: Module,
    imports: Vec<Module>,
}

#[derive(Clone, Default)]
struct Module {
    group: String,
    artifact: String,
    version: String,
    kind: String,
    scope: String,
}

impl Module {
    fn set(&mut self, name: &str, text: String) {
        match name {
            "groupId" => self.group = text,
            "artifactId" => self.artifact = text,
            "version" => self.version = text,
            "type" => self.kind = text,
            "scope" => self.scope = text,
            _ => {}
        }
    }
}

impl Pom {
    /// Reads a pom; of one that is no XML only what comes before the fault.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut reading = Reading::default();
        let outcome = walk(text, |path, event| {
            reading.note(path, event);
            Ok::<_, XmlError>(())
        });
        // The build tool that reads it whole will tell.
        drop(outcome);
        reading.finish(text.contains(GRADLE_MARK))
    }
}

impl Reading {
    fn note(&mut self, path: &[&str], event: Event<'_>) {
        match (path, event) {
            (["project", "packaging"], Event::Text(text)) => self.packaging = text,
            (["project", "parent", name], Event::Text(text)) => self.parent.set(name, text),
            (["project", "properties", name], Event::Text(text)) => {
                self.properties.insert((*name).to_owned(), text);
            }
            (["project", "distributionManagement", "relocation", name], Event::Text(text)) => {
                self.moved.get_or_insert_default().set(name, text);
            }
            (
                [
                    "project",
                    "dependencyManagement",
                    "dependencies",
                    "dependency",
                    name,
                ],
                Event::Text(text),
            ) => {
                self.managed.set(name, text);
            }
            (
                [
                    "project",
                    "dependencyManagement",
                    "dependencies",
                    "dependency",
                ],
                Event::Close,
            ) => {
                let managed = std::mem::take(&mut self.managed);
                if managed.scope == "import" {
                    self.imports.push(managed);
                }
            }
            (["project", name], Event::Text(text)) => self.own.set(name, text),
            (_, Event::Attribute(..) | Event::Text(_) | Event::Close) => {}
        }
    }

    fn finish(mut self, has_gradle_module: bool) -> Pom {
        // What a pom does not say is its parent's.
        for (own, parent) in [
            (&mut self.own.group, &self.parent.group),
            (&mut self.own.version, &self.parent.version),
        ] {
            if own.is_empty() {
                own.clone_from(parent);
            }
        }
        let parent = self.coordinates(&self.parent, "pom");
        let imports = self.imports.iter();
        let imports = imports.filter_map(|import| self.coordinates(import, "pom"));
        let moved_to = self.moved.as_ref().and_then(|moved| {
            let kept = |new: &str, own: &str| if new.is_empty() { own } else { new }.to_owned();
            let module = Module {
                group: kept(&moved.group, &self.own.group),
                artifact: kept(&moved.artifact, &self.own.artifact),
                version: kept(&moved.version, &self.own.version),
                ..Module::default()
            };
            self.coordinates(&module, "jar")
        });
        Pom {
            refers_to: parent.into_iter().chain(imports).collect(),
            moved_to,
            is_alone: self.packaging == "pom" || self.moved.is_some(),
            has_gradle_module,
        }
    }

    /// `None` where something is missing, or is said elsewhere.
    fn coordinates(&self, module: &Module, extension: &str) -> Option<Coordinates> {
        let [group, artifact, version] =
            [&module.group, &module.artifact, &module.version].map(|text| self.filled(text));
        Coordinates::new(&group, &artifact, &version, None, extension).ok()
    }

    /// Puts in the pom's own properties.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..MOST_ROUNDS {
            let Some((before, rest)) = text.split_once("${") else {
                break;
            };
            let Some((name, after)) = rest.split_once('}') else {
                break;
            };
            let Some(value) = self.property(name) else {
                break;
            };
            text = format!("{before}{value}{after}");
        }
        text
    }

    fn property(&self, name: &str) -> Option<&str> {
        let value = match name {
            "project.groupId" | "pom.groupId" | "groupId" => &self.own.group,
            "project.artifactId" | "pom.artifactId" | "artifactId" => &self.own.artifact,
            "project.version" | "pom.version" | "version" => &self.own.version,
            "project.parent.groupId" => &self.parent.group,
            "project.parent.version" => &self.parent.version,
            name => self.properties.get(name)?,
        };
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refers_to(pom: &Pom) -> Vec<String> {
        pom.refers_to.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pom_refers_to_its_parent_and_to_what_it_imports() {
        let pom = Pom::read(
            "<project xmlns='http://maven.apache.org/POM/4.0.0'>
               <!-- do_not_remove: published-with-gradle-metadata -->
               <parent><groupId>g</groupId><artifactId>parent</artifactId><version>7</version>
                 <relativePath/></parent>
               <artifactId>a</artifactId>
               <properties><bom.version>${major}.1</bom.version><major>2</major></properties>
               <dependencyManagement><dependencies>
                 <dependency><groupId>${project.groupId}</groupId><artifactId>bom</artifactId>
                   <version>${bom.version}</version><type>pom</type><scope>import</scope></dependency>
                 <dependency><groupId>h</groupId><artifactId>managed</artifactId>
                   <version>1</version></dependency>
                 <dependency><groupId>h</groupId><artifactId>said-elsewhere</artifactId>
                   <version>${elsewhere}</version><type>pom</type><scope>import</scope></dependency>
               </dependencies></dependencyManagement>
               <dependencies><dependency><groupId>h</groupId><artifactId>used</artifactId>
                 <version>1</version></dependency></dependencies>
             </project>",
        );
        assert_eq!(refers_to(&pom), ["g:parent:7@pom", "g:bom:2.1@pom"]);
        assert!(pom.has_gradle_module && !pom.is_alone);
    }

    #[test]
    fn a_parent_and_a_module_that_has_moved_have_no_artifact() {
        let parent = Pom::read("<project><packaging>pom</packaging></project>");
        assert!(parent.is_alone && parent.refers_to.is_empty());
        let moved = Pom::read(
            "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version>
             <distributionManagement><relocation><version>2</version></relocation>
             </distributionManagement></project>",
        );
        let moved_to = moved.moved_to.expect("where it has moved to");
        assert_eq!(moved_to.to_string(), "g:a:2");
        assert!(moved.is_alone);
    }

    #[test]
    fn what_is_no_pom_refers_to_nothing_and_properties_come_to_an_end() {
        for text in [
            "",
            "<html><body>not found",
            "<project><parent><groupId>g</groupId>",
        ] {
            assert_eq!(Pom::read(text), Pom::default());
        }
        let endless = Pom::read(
            "<project><properties><a>${b}</a><b>${a}${a}</b></properties>
             <parent><groupId>g</groupId><artifactId>x</artifactId><version>${a}</version></parent></project>",
        );
        assert_eq!(refers_to(&endless), [""; 0]);
    }
}
