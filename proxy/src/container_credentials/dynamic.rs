//! The folders of `dynamic_services`: which of their files count, and what those say.
//!
//! Folders are listed anew each time, so whatever is created, renamed, linked or deleted shows; and links
//! are followed, as Kubernetes swaps those (`..data`). Names that begin with a dot are never taken: editors
//! and Kubernetes keep there what is not meant to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reload::in_one_line;
use super::watched::{Found, Look, Watched};
use crate::config::{DirectoryConfig, DynamicServicesConfig, FileFaults, ServicesFile};

/// Of one folder; further ones are left out.
const MOST_FILES: usize = 1000;
/// Of any kind, in one folder.
const MOST_ENTRIES: usize = 20_000;

/// How a file is read.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Result<ServicesFile, FileFaults>;

/// All files of all folders.
#[derive(Debug, Default)]
pub(super) struct Folders {
    files: BTreeMap<PathBuf, File>,
    /// What is wrong with folders themselves.
    problems: BTreeMap<PathBuf, String>,
}

#[derive(Debug)]
struct File {
    watched: Watched<ServicesFile>,
    /// It was not there at the last look. A file that is being replaced may be gone for a moment.
    is_missing: bool,
}

impl Folders {
    /// The last good version of each file, in the order of their paths.
    pub(super) fn good(&self) -> Vec<(PathBuf, Arc<ServicesFile>)> {
        let files = self.files.iter();
        files
            .filter_map(|(path, file)| Some((path.clone(), Arc::clone(file.watched.good()?))))
            .collect()
    }

    /// What is wrong with folders and files, a text each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let faulty = self.files.values().filter_map(|file| {
            let faults = file.watched.faults()?;
            let effect = if file.watched.good().is_some() {
                "its last good version stays in force"
            } else {
                "none of its services is in force"
            };
            let faults = in_one_line(faults);
            Some(format!("{faults} Until then, {effect}."))
        });
        self.problems.values().cloned().chain(faulty).collect()
    }

    /// Reads everything as it is now. Blocks on the disk.
    pub(super) fn load(&mut self, config: &DynamicServicesConfig, read: Read<'_>) {
        for path in self.list(&config.directories) {
            let mut watched = Watched::new(&path);
            watched.load(read);
            let file = File {
                watched,
                is_missing: false,
            };
            self.files.insert(path, file);
        }
    }

    /// Looks at everything, and takes up what has settled. Blocks on the disk.
    pub(super) fn look(&mut self, directories: &[DirectoryConfig], read: Read<'_>) -> Found {
        let problems = self.problems.clone();
        let listed = self.list(directories);
        let mut found = Found {
            is_changed: problems != self.problems,
            is_unsettled: false,
        };
        for path in &listed {
            self.files.entry(path.clone()).or_insert_with(|| File {
                watched: Watched::new(path),
                is_missing: false,
            });
        }
        let is_looked_at = |path: &Path| {
            let folders = directories.iter().map(|directory| directory.path.as_path());
            path.parent()
                .is_some_and(|parent| folders.clone().any(|folder| folder == parent))
        };
        self.files.retain(|path, file| {
            let was_missing = std::mem::replace(&mut file.is_missing, !listed.contains(path));
            let is_gone = file.is_missing && (was_missing || !is_looked_at(path));
            let look = match (is_gone, file.is_missing) {
                (true, _) => Look::Changed,
                (false, true) => Look::Unsettled,
                (false, false) => file.watched.look(read),
            };
            found.add(look);
            !is_gone
        });
        found
    }

    /// All have to be read again, although nothing in them changed.
    pub(super) fn forget(&mut self) {
        for file in self.files.values_mut() {
            file.watched.forget();
        }
    }

    /// The files that count. Of a folder that cannot be listed, those that were there before.
    fn list(&mut self, directories: &[DirectoryConfig]) -> BTreeSet<PathBuf> {
        self.problems.clear();
        let mut all = BTreeSet::new();
        for directory in directories {
            let folder = &directory.path;
            let problem = match files_of(directory) {
                Ok(Listing { files, is_whole }) => {
                    all.extend(files);
                    (!is_whole).then(|| {
                        format!("it holds too much: only its first {MOST_FILES} files count")
                    })
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some(
                    "there is no such folder. Create it, or take it out of `dynamic_services`"
                        .to_owned(),
                ),
                Err(error) => {
                    let known = self.files.keys();
                    let below = known.filter(|path| path.parent() == Some(folder));
                    all.extend(below.cloned());
                    Some(format!("it cannot be listed: {error}. Its services stay"))
                }
            };
            if let Some(problem) = problem {
                let problem = format!("{}: {problem}", folder.display());
                self.problems.insert(folder.clone(), problem);
            }
        }
        all
    }
}

struct Listing {
    files: BTreeSet<PathBuf>,
    is_whole: bool,
}

fn files_of(directory: &DirectoryConfig) -> io::Result<Listing> {
    let mut files = BTreeSet::new();
    let mut entries = std::fs::read_dir(&directory.path)?;
    for entry in entries.by_ref().take(MOST_ENTRIES) {
        let path = entry?.path();
        // Following links: what they lead to counts.
        let is_file = || std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if directory.files.take(&path) && is_file() {
            files.insert(path);
        }
    }
    let is_whole = entries.next().is_none() && files.len() <= MOST_FILES;
    Ok(Listing {
        files: files.into_iter().take(MOST_FILES).collect(),
        is_whole,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use sso_session::disk::replace;
    use sso_session::secret::Secret;

    use super::*;
    use crate::config::{
        FileFault, FilePatterns, Place, ServiceConfig, SourceConfig, SourceKind, TokenConfig,
    };

    /// A name of a service a line; `!` is a fault.
    fn read(path: &Path) -> Result<ServicesFile, FileFaults> {
        let place = Place {
            file: path.into(),
            line: 1,
            column: 1,
        };
        let text = std::fs::read_to_string(path).unwrap_or_else(|_| "!".to_owned());
        if text.contains('!') {
            let fault = FileFault {
                place,
                problem: "it is broken".to_owned(),
                cure: "Mend it.".to_owned(),
            };
            return Err(FileFaults {
                list: vec![fault],
                inputs: vec![path.to_owned()],
            });
        }
        let services = text.lines().map(|name| ServiceConfig {
            name: name.to_owned(),
            token: TokenConfig {
                secret: Secret::new(format!("token-of-{name}")),
                file: None,
            },
            source: SourceConfig {
                region: None,
                kind: SourceKind::Own,
            },
            role: None,
            allowed_roles: Vec::new(),
            place: place.clone(),
        });
        Ok(ServicesFile {
            services: services.collect(),
            inputs: vec![path.to_owned()],
        })
    }

    struct World {
        folder: tempfile::TempDir,
        directories: Vec<DirectoryConfig>,
        folders: Folders,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let directories = vec![DirectoryConfig {
                path: folder.path().to_owned(),
                files: FilePatterns::default(),
            }];
            Self {
                folder,
                directories,
                folders: Folders::default(),
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn put(&self, name: &str, content: &str) {
            replace(&self.path(name), content.as_bytes()).expect("written");
        }

        fn look(&mut self) -> Look {
            let found = self.folders.look(&self.directories, &read);
            match (found.is_changed, found.is_unsettled) {
                (false, false) => Look::Same,
                (true, false) => Look::Changed,
                (_, true) => Look::Unsettled,
            }
        }

        /// Looks until nothing changes any more.
        fn settle(&mut self) {
            for _ in 0..5 {
                self.look();
            }
            assert_eq!(self.look(), Look::Same);
        }

        fn services(&self) -> Vec<String> {
            let files = self.folders.good();
            let services = files.iter().flat_map(|(_, file)| &file.services);
            services.map(|service| service.name.clone()).collect()
        }
    }

    #[test]
    fn files_come_change_and_go() {
        let mut world = World::new();
        assert_eq!(world.look(), Look::Same);
        world.put("b.yaml", "b1\nb2");
        world.put("a.yml", "a");
        world.put("c.json", "c");
        world.put("notes.txt", "no");
        world.put(".hidden.yaml", "no");
        assert_eq!(world.look(), Look::Unsettled);
        assert!(world.services().is_empty());
        assert_eq!(world.look(), Look::Changed);
        assert_eq!(world.services(), ["a", "b1", "b2", "c"]);
        world.put("b.yaml", "b2\nb3");
        world.settle();
        assert_eq!(world.services(), ["a", "b2", "b3", "c"]);
        std::fs::rename(world.path("a.yml"), world.path("z.yml")).expect("renamed");
        world.settle();
        assert_eq!(world.services(), ["b2", "b3", "c", "a"]);
        std::fs::remove_file(world.path("b.yaml")).expect("removed");
        assert_eq!(world.look(), Look::Unsettled);
        assert_eq!(world.look(), Look::Changed);
        assert_eq!(world.services(), ["c", "a"]);
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_stays() {
        let mut world = World::new();
        world.put("a.yaml", "a");
        world.settle();
        std::fs::remove_file(world.path("a.yaml")).expect("removed");
        assert_eq!(world.look(), Look::Unsettled);
        world.put("a.yaml", "a");
        assert_eq!(world.look(), Look::Same);
        assert_eq!(world.services(), ["a"]);
    }

    #[test]
    fn links_that_are_swapped_are_followed() {
        let mut world = World::new();
        for (version, content) in [("..1", "one"), ("..2", "two")] {
            std::fs::create_dir(world.path(version)).expect("a folder");
            world.put(&format!("{version}/a.yaml"), content);
        }
        symlink("..1", world.path("..data")).expect("a link");
        symlink("..data/a.yaml", world.path("a.yaml")).expect("a link");
        world.settle();
        assert_eq!(world.services(), ["one"]);
        symlink("..2", world.path("..tmp")).expect("a link");
        std::fs::rename(world.path("..tmp"), world.path("..data")).expect("swapped");
        world.settle();
        assert_eq!(world.services(), ["two"]);
    }

    #[test]
    fn a_broken_file_keeps_its_services_and_says_so() {
        let mut world = World::new();
        world.put("a.yaml", "a");
        world.put("b.yaml", "!");
        world.settle();
        world.put("a.yaml", "!");
        world.settle();
        assert_eq!(world.services(), ["a"]);
        let troubles = world.folders.troubles();
        assert!(troubles[0].ends_with("Until then, its last good version stays in force."));
        assert!(troubles[1].ends_with("Until then, none of its services is in force."));
        world.put("a.yaml", "a2");
        world.put("b.yaml", "b");
        world.settle();
        assert_eq!(world.services(), ["a2", "b"]);
        assert!(world.folders.troubles().is_empty());
    }

    #[test]
    fn neither_pipes_nor_folders_nor_dangling_links_are_read() {
        let mut world = World::new();
        let mode = nix::sys::stat::Mode::S_IRWXU;
        nix::unistd::mkfifo(&world.path("pipe.yaml"), mode).expect("a pipe");
        std::fs::create_dir(world.path("folder.yaml")).expect("a folder");
        symlink("nowhere", world.path("link.yaml")).expect("a link");
        assert_eq!(world.look(), Look::Same);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_told_and_may_come() {
        let mut world = World::new();
        world.directories[0].path = world.path("later");
        assert_eq!(world.look(), Look::Changed);
        assert_eq!(world.folders.troubles().len(), 1);
        assert_eq!(world.look(), Look::Same);
        std::fs::create_dir(world.path("later")).expect("a folder");
        world.put("later/a.yaml", "a");
        world.settle();
        assert_eq!(world.services(), ["a"]);
        assert!(world.folders.troubles().is_empty());
    }

    #[test]
    fn a_folder_that_is_no_longer_configured_is_left_at_once() {
        let mut world = World::new();
        world.put("a.yaml", "a");
        world.settle();
        world.directories.clear();
        assert_eq!(world.look(), Look::Changed);
        assert!(world.services().is_empty());
    }

    #[test]
    fn there_is_a_bound() {
        let mut world = World::new();
        for number in 0..=MOST_FILES {
            std::fs::File::create(world.path(&format!("{number:04}.yaml"))).expect("a file");
        }
        world.look();
        assert_eq!(world.folders.files.len(), MOST_FILES);
        assert!(world.folders.troubles()[0].contains("too much"));
    }

    #[test]
    fn a_backup_that_begins_as_the_patterns_say_does_not_count() {
        let mut world = World::new();
        let dev = regex::Regex::new("^(?:^dev-)").expect("a pattern");
        world.directories[0].files.include = vec![dev];
        world.put("dev-d.yaml", "d");
        world.settle();
        assert_eq!(world.services(), ["d"]);
        let backup = world.path("dev-d.yaml~");
        std::fs::rename(world.path("dev-d.yaml"), backup).expect("renamed");
        world.settle();
        assert!(world.services().is_empty());
    }
}
