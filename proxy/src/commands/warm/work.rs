//! What is to be had: each key once, and what follows from what was there.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet, VecDeque};

use super::task::Task;
use crate::artifact::ArtifactKey;
use crate::lists::pom::Pom;
use crate::lists::{Entry, List};

/// A limit to what follows from poms, whatever they say.
const MOST_TASKS: usize = 2_000_000;

/// The tasks that are left.
#[derive(Debug)]
pub(super) struct Work {
    waiting: VecDeque<Task>,
    seen: HashSet<ArtifactKey>,
}

impl Work {
    /// What lists name, merged where they name the same.
    pub(super) fn new(lists: Vec<List>) -> Self {
        let mut tasks = Vec::<Task>::new();
        let mut places = HashMap::<ArtifactKey, usize>::new();
        for list in lists {
            let has_sha1_file = list.format.has_sha1_files();
            for entry in list.entries {
                let task = first_task(entry, has_sha1_file);
                match places.entry(task.key.clone()) {
                    Slot::Occupied(place) => tasks[*place.get()].merge(task),
                    Slot::Vacant(place) => {
                        place.insert(tasks.len());
                        tasks.push(task);
                    }
                }
            }
        }
        Self {
            seen: places.into_keys().collect(),
            waiting: tasks.into(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Task> {
        self.waiting.pop_front()
    }

    /// How many were ever to be had, as far as is known now.
    pub(super) fn total(&self) -> usize {
        self.seen.len()
    }

    /// Adds what follows from a task that is done: `pom` is what was there, if it was one.
    pub(super) fn follow(&mut self, task: &Task, is_there: bool, pom: Option<&Pom>) {
        if is_there && task.has_sha1_file {
            self.add(Task::guess(task.key.sha1_file()));
        }
        let is_alone = pom.is_some_and(|pom| pom.is_alone);
        for module in &task.modules {
            if module.key() != task.key {
                // A module without an artifact has none but those with classifiers.
                let is_guess = (is_alone && module.is_main()) || module.is_snapshot();
                self.add(Task {
                    is_guess,
                    has_sha1_file: task.has_sha1_file,
                    ..Task::file(module.key())
                });
            }
            if pom.is_some_and(|pom| pom.has_gradle_module) {
                self.add(Task::guess(module.gradle_module()));
            }
        }
        let Some(pom) = pom else { return };
        if let Some(moved_to) = &pom.moved_to {
            self.add(Task {
                is_guess: true,
                modules: vec![moved_to.clone()],
                ..Task::pom(moved_to.pom(), task.has_sha1_file)
            });
        }
        for referred in &pom.refers_to {
            self.add(Task {
                is_guess: true,
                ..Task::pom(referred.pom(), task.has_sha1_file)
            });
        }
    }

    fn add(&mut self, task: Task) {
        if self.seen.len() < MOST_TASKS && self.seen.insert(task.key.clone()) {
            self.waiting.push_back(task);
        }
    }
}

fn first_task(entry: Entry, has_sha1_file: bool) -> Task {
    match entry {
        Entry::File { key, sha256 } => Task {
            sha256,
            ..Task::file(key)
        },
        Entry::Versions(coordinates) => Task::guess(coordinates.metadata()),
        Entry::Module(coordinates) => {
            let pom = coordinates.pom();
            Task {
                // Some artifacts were published without one.
                is_guess: pom != coordinates.key(),
                modules: vec![coordinates],
                ..Task::pom(pom, has_sha1_file)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{OurHosts, read};

    fn work(texts: &[&str]) -> Work {
        let lists = texts
            .iter()
            .map(|text| read(text, None, &OurHosts::default()));
        Work::new(lists.map(|list| list.expect("a list")).collect())
    }

    fn keys(work: &mut Work) -> Vec<String> {
        let tasks = std::iter::from_fn(|| work.next());
        tasks
            .map(|task| format!("{}{}", task.key, if task.is_guess { "?" } else { "" }))
            .collect()
    }

    #[test]
    fn what_is_named_twice_is_had_once() {
        let mut work = work(&[
            "g/a/1/a-1.jar
g:a:1
g:a:1:sources",
            "g:a:1=x",
        ]);
        assert_eq!(work.total(), 2);
        let task = work.next().expect("a task");
        assert!(!task.is_guess);
        let pom = work.next().expect("a task");
        work.follow(&pom, true, Some(&Pom::default()));
        assert_eq!(
            keys(&mut work),
            ["g/a/1/a-1.pom.sha1?", "g/a/1/a-1-sources.jar"]
        );
    }

    #[test]
    fn an_artifact_follows_its_pom_whether_there_is_one_or_not() {
        let pom = "<project><packaging>pom</packaging><!-- published-with-gradle-metadata -->
                   <parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version></parent></project>";
        let pom = Pom::read(pom);
        for (text, pom, expected) in [
            ("g:a:1=x", None, vec!["g/a/1/a-1.jar"]),
            (
                "g:a:1=x",
                Some(&pom),
                vec!["g/a/1/a-1.jar?", "g/a/1/a-1.module?", "g/p/1/p-1.pom?"],
            ),
            ("g:a:1@pom", None, vec![]),
            (
                "g:a:1-SNAPSHOT=x",
                None,
                vec!["g/a/1-SNAPSHOT/a-1-SNAPSHOT.jar?"],
            ),
        ] {
            let mut work = work(&[text]);
            let task = work.next().expect("a task");
            work.follow(&task, pom.is_some(), pom);
            assert_eq!(keys(&mut work), expected, "{text}");
        }
    }

    #[test]
    fn poms_that_refer_to_each_other_come_to_an_end() {
        let mut work = work(&["g:a:1=x"]);
        let pom = |name: &str| {
            Pom::read(&format!(
                "<project><parent><groupId>g</groupId><artifactId>{name}</artifactId>\
                 <version>1</version></parent></project>"
            ))
        };
        let mut rounds = 0;
        while let Some(task) = work.next() {
            rounds += 1;
            let next = if task.key.as_str().contains("/a/") {
                "b"
            } else {
                "a"
            };
            work.follow(&task, true, Some(&pom(next)));
        }
        assert_eq!(rounds, 3);
    }
}
