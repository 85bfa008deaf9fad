//! Keeps what is in force as the configuration says, without a restart.
//!
//! ```text
//! main file, files that it names ─► Watched ─┐
//! folders, their files ─► Folders ───────────┴─► merge ─► Registry ─► watch<Table>
//! ```
//!
//! What cannot be read, or does not fit together, changes nothing: the last good version stays, and the
//! log, the table's troubles and `check` say why. Each is logged once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::dynamic::Folders;
use super::keepers::Keepers;
use super::merge::{InForceBefore, Merged, merge};
use super::registry::Registry;
use super::watched::{Found, Watched};
use super::{InForce, Surroundings};
use crate::config::{FileConfig, FileFaults, Listen, ServicesFile, TlsConfig, Vars};
use crate::disk::{Disk, Lost};

/// The main file and those that it names are looked at so often; folders as often as they say.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is being changed is looked at again after this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// What the keepers may still do at the end: each ends a renewal first, within a time of its own.
const LAST_RENEWALS: Duration = Duration::from_secs(10);

/// The variables of the environment, for whoever outlives the start.
pub type SharedVars = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The task that looks after the configuration.
#[derive(Debug)]
pub struct Reload {
    files: Arc<Mutex<Files>>,
    registry: Registry,
    /// The last good version of the main file, for whoever else it concerns.
    main: watch::Sender<Arc<FileConfig>>,
    /// What the process was started with, and would have to be restarted for.
    started_with: Fixed,
    /// What was logged and still holds.
    told: Vec<String>,
    disk: Disk,
    /// Why the last look came to nothing. It may have taken something up all the same, which is then owed.
    lost: Option<Lost>,
    looked_at_folders: Instant,
}

/// What of the configuration a running process cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fixed {
    listen: Listen,
    tls: Option<TlsConfig>,
    debug: bool,
    prometheus: Option<Listen>,
    /// Whether there is a listener for credentials.
    serves_containers: bool,
    /// Whether there is a listener for artifacts.
    serves_artifacts: bool,
}

impl Fixed {
    fn of(config: &FileConfig, serves_artifacts: bool) -> Self {
        Self {
            serves_containers: config.serves_containers(),
            serves_artifacts,
            listen: config.server.listen.clone(),
            tls: config.server.tls.clone(),
            debug: config.server.debug,
            prometheus: config.prometheus.clone(),
        }
    }

    fn waits_for_a_restart(&self, config: &FileConfig) -> Option<String> {
        let other = Self::of(config, self.serves_artifacts);
        let differences = [
            (
                !self.serves_containers && other.serves_containers,
                "`services`, `dynamic_services` or `server`",
            ),
            (
                !self.serves_artifacts && !config.codeartifact.is_empty(),
                "`codeartifact`",
            ),
            (
                self.listen != other.listen,
                "`server.host` or `server.port`",
            ),
            (self.tls != other.tls, "`server.tls`"),
            (self.debug != other.debug, "`server.debug`"),
            (self.prometheus != other.prometheus, "`metrics`"),
        ];
        let changed = differences.into_iter().filter(|(differs, _)| *differs);
        let keys: Vec<_> = changed.map(|(_, keys)| keys).collect();
        (!keys.is_empty()).then(|| {
            let keys = keys.join(" and ");
            format!(
                "{keys} of the configuration file changed. Restart the proxy for it to take effect"
            )
        })
    }
}

/// Everything that is looked at, and how it is read.
struct Files {
    main: Watched<FileConfig>,
    /// The last good version of the main file.
    config: Arc<FileConfig>,
    folders: Folders,
    vars: SharedVars,
}

/// All that is defined at one moment.
struct Defined {
    config: Arc<FileConfig>,
    dynamic: Vec<(PathBuf, Arc<ServicesFile>)>,
    troubles: Vec<String>,
}

impl Reload {
    /// Brings what the file and its folders say into force. Blocks on the disk. `serves_artifacts` is whether
    /// this process has a listener for them.
    #[must_use]
    pub fn new(
        path: &Path,
        config: FileConfig,
        serves_artifacts: bool,
        keepers: Keepers,
        vars: SharedVars,
    ) -> (Self, InForce) {
        let started_with = Fixed::of(&config, serves_artifacts);
        let mut files = Files::known(path, config, vars);
        files.load_folders();
        let defined = files.defined();
        let registry = Registry::new(keepers);
        let view = registry.view();
        let mut reload = Self {
            files: Arc::new(Mutex::new(files)),
            registry,
            main: watch::Sender::new(Arc::clone(&defined.config)),
            started_with,
            told: Vec::new(),
            disk: Disk::default(),
            lost: None,
            looked_at_folders: Instant::now(),
        };
        reload.bring(&defined);
        (reload, view)
    }

    /// The main file, each time that another good version of it is there.
    #[must_use]
    pub fn main_file(&self) -> watch::Receiver<Arc<FileConfig>> {
        self.main.subscribe()
    }

    /// Looks after it until `shutdown` ends, then ends all keepers.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut pause = LOOK_EVERY;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = &mut shutdown => break,
            }
            pause = self.look().await;
        }
        self.registry.finish(LAST_RENEWALS).await;
    }

    /// Looks once; how long to wait for the next time.
    async fn look(&mut self) -> Duration {
        let since = self.looked_at_folders.elapsed();
        let files = Arc::clone(&self.files);
        let is_owed = self.lost.is_some();
        let look = move || {
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            let (found, folders) = files.look(since);
            let defined = (found.is_changed || is_owed).then(|| files.defined());
            (found, folders, defined)
        };
        let (found, folders, defined) = match self.disk.run(look).await {
            Ok(looked) => looked,
            Err(lost) => {
                self.tell_of_a_lost_look(lost);
                return LOOK_EVERY;
            }
        };
        self.lost = None;
        if folders == FoldersLooked::Settled {
            self.looked_at_folders = Instant::now();
        }
        if let Some(defined) = defined {
            self.bring(&defined);
        }
        if found.is_unsettled {
            LOOK_AGAIN_AFTER
        } else {
            LOOK_EVERY
        }
    }

    fn bring(&mut self, defined: &Defined) {
        let Merged {
            mut services,
            conflicts,
        } = defined.merged(&self.registry.names());
        if !self.started_with.serves_containers {
            // Nobody could ask for them.
            services.clear();
        }
        let mut troubles = defined.troubles.clone();
        troubles.extend(conflicts.iter().map(ToString::to_string));
        troubles.extend(self.started_with.waits_for_a_restart(&defined.config));
        for trouble in troubles.iter().filter(|new| !self.told.contains(new)) {
            warn!("{trouble}");
        }
        if troubles.is_empty() && !self.told.is_empty() {
            info!("all of the configuration is in force again");
        }
        self.told.clone_from(&troubles);
        let renewal = defined.config.renewal;
        let server = &defined.config.server;
        let surroundings = Surroundings {
            troubles,
            allowed_hosts: server.allowed_hosts.clone(),
            log_health_checks: server.log_health_checks,
        };
        self.registry.bring(services, renewal, surroundings);
        self.main.send_if_modified(|main| {
            let is_new = !Arc::ptr_eq(main, &defined.config);
            main.clone_from(&defined.config);
            is_new
        });
    }

    fn tell_of_a_lost_look(&mut self, lost: Lost) {
        if self.lost.replace(lost) == Some(lost) {
            return;
        }
        match lost {
            Lost::Hangs => {
                warn!("the disk with the configuration does not answer: what is in force stays");
            }
            Lost::Panicked => {
                error!(
                    "looking at the configuration panicked, which is a fault of the proxy: what is in force stays"
                );
            }
        }
    }
}

/// What became of the folders in a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoldersLooked {
    /// It was not their time.
    NotYet,
    /// All of them, and nothing is being changed.
    Settled,
    /// All of them, and something has to be looked at again.
    Unsettled,
}

impl Files {
    fn known(path: &Path, config: FileConfig, vars: SharedVars) -> Self {
        let config = Arc::new(config);
        Self {
            main: Watched::known(path, Arc::clone(&config)),
            config,
            folders: Folders::default(),
            vars,
        }
    }

    fn load_folders(&mut self) {
        if let Some(dynamic) = &self.config.dynamic_services {
            let read = |path: &Path| read_services(path, &self.config, &*self.vars);
            self.folders.load(dynamic, &read);
        }
    }

    /// Looks at the main file, and at folders if it is `since` so long that they were looked at.
    fn look(&mut self, since: Duration) -> (Found, FoldersLooked) {
        let mut found = Found::default();
        found.add(
            self.main
                .look(&|path| FileConfig::read_again(path, &*self.vars)),
        );
        let is_new = self.adopt_main();
        let dynamic = self.config.dynamic_services.as_ref();
        // In time with the looks at the main file, whose pauses are never exact.
        let is_time =
            dynamic.is_none_or(|dynamic| since + LOOK_EVERY / 2 >= dynamic.reload_interval);
        if !is_new && !is_time {
            return (found, FoldersLooked::NotYet);
        }
        let directories = dynamic.map_or(&[][..], |dynamic| &dynamic.directories);
        let read = |path: &Path| read_services(path, &self.config, &*self.vars);
        let folders = self.folders.look(directories, &read);
        found.is_changed |= folders.is_changed;
        found.is_unsettled |= folders.is_unsettled;
        if folders.is_unsettled {
            (found, FoldersLooked::Unsettled)
        } else {
            (found, FoldersLooked::Settled)
        }
    }

    /// Whether the main file has another good version than before.
    fn adopt_main(&mut self) -> bool {
        let Some(good) = self
            .main
            .good()
            .filter(|good| !Arc::ptr_eq(good, &self.config))
        else {
            return false;
        };
        if good.defaults != self.config.defaults {
            // They are a part of every dynamic service.
            self.folders.forget();
        }
        self.config = Arc::clone(good);
        true
    }

    fn defined(&self) -> Defined {
        let main = self.main.faults().map(|faults| {
            let faults = in_one_line(faults);
            format!("{faults} Until then, its last good version stays in force.")
        });
        Defined {
            config: Arc::clone(&self.config),
            dynamic: self.folders.good(),
            troubles: main.into_iter().chain(self.folders.troubles()).collect(),
        }
    }
}

impl Defined {
    fn merged(&self, before: &InForceBefore) -> Merged {
        let dynamic = self.dynamic.iter();
        let dynamic: Vec<_> = dynamic
            .map(|(path, file)| (path.clone(), file.services.as_slice()))
            .collect();
        merge(&self.config.services, &dynamic, before)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The variables are a function.
        f.debug_struct("Files")
            .field("main", &self.main)
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

/// As a line of the log, or of a page.
pub(super) fn in_one_line(faults: &FileFaults) -> String {
    let faults = faults.list.iter();
    let texts = faults.map(|fault| format!("{}: {}. {}", fault.place, fault.problem, fault.cure));
    texts.collect::<Vec<_>>().join(" ")
}

/// All services that come into force of this file and its folders as they are now, and what of them does
/// not, and why. For commands. Blocks on the disk.
pub fn services_of(path: &Path, config: FileConfig, vars: SharedVars) -> (Merged, Vec<String>) {
    let mut files = Files::known(path, config, vars);
    files.load_folders();
    let defined = files.defined();
    let merged = defined.merged(&InForceBefore::new());
    (merged, defined.troubles)
}

fn read_services(
    path: &Path,
    config: &FileConfig,
    vars: Vars<'_>,
) -> Result<ServicesFile, FileFaults> {
    ServicesFile::read(path, &config.defaults, vars)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use sso_session::disk::replace;

    use super::*;
    use crate::config::MOST_ROLES;
    use crate::container_credentials::Table;
    use crate::container_credentials::keepers::tests::idle;

    /// A configuration in a folder, looked after by hand: each look is one of the task's.
    struct World {
        folder: tempfile::TempDir,
        reload: Reload,
        view: InForce,
    }

    fn service(name: &str, token: &str) -> String {
        format!("  {name}:\n    auth_token: {token}\n")
    }

    fn put(path: &Path, content: &str) {
        replace(path, content.as_bytes()).expect("written");
    }

    impl World {
        fn new(services: &str) -> Self {
            Self::with_vars(services, Arc::new(|_| None))
        }

        fn with_vars(services: &str, vars: SharedVars) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join("dynamic")).expect("a folder");
            let path = folder.path().join("config.yaml");
            put(&path, &Self::main(folder.path(), services));
            let config = FileConfig::read(&path, &*vars).expect("a good configuration");
            let (keepers, ..) = idle();
            let (reload, view) = Reload::new(&path, config, false, keepers, vars);
            Self {
                folder,
                reload,
                view,
            }
        }

        fn main(folder: &Path, services: &str) -> String {
            format!(
                "dynamic_services:\n  enabled: true\n  directory: {}\n  reload_interval: 1\nservices:\n{services}",
                folder.join("dynamic").display()
            )
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn put_main(&self, services: &str) {
            let text = Self::main(self.folder.path(), services);
            put(&self.path("config.yaml"), &text);
        }

        fn put_dynamic(&self, name: &str, services: &str) {
            let text = format!("services:\n{services}");
            put(&self.path("dynamic").join(name), &text);
        }

        /// Looks until a while passes without anything new.
        async fn settle(&mut self) -> Arc<Table> {
            for _ in 0..6 {
                let pause = self.reload.look().await;
                tokio::time::advance(pause).await;
            }
            self.view.table()
        }

        async fn names(&mut self) -> Vec<String> {
            let table = self.settle().await;
            let services = table.services().iter();
            services.map(|service| service.name.clone()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_main_file_is_taken_up_as_a_whole() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        assert_eq!(world.names().await, ["a"]);
        let services = service("b", "token-of-service-b") + &service("c", "token-of-service-c");
        world.put_main(&services);
        assert_eq!(world.names().await, ["b", "c"]);
        let table = world.view.table();
        assert!(table.by_authorization(b"token-of-service-a").is_none());
        assert!(table.troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_main_file_changes_nothing_and_is_told() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        let before = world.settle().await;
        world.put_main("  a: [");
        let table = world.settle().await;
        assert!(Arc::ptr_eq(&before.services()[0], &table.services()[0]));
        assert_eq!(table.troubles().len(), 1);
        let told = &table.troubles()[0];
        assert!(told.contains("config.yaml:"), "{told}");
        assert!(told.ends_with("Until then, its last good version stays in force."));
        world.put_main(&service("a", "token-of-service-a"));
        assert!(world.settle().await.troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_takes_too_long_loses_nothing() {
        let (answer, answers) = std::sync::mpsc::channel::<String>();
        let answers = Mutex::new(answers);
        // As a file on a disk that hangs for a while.
        let slow = move |name: &str| {
            let answers = answers.lock().ok().filter(|_| name == "SLOW");
            answers?.recv().ok()
        };
        let mut world = World::with_vars(&service("a", "token-of-service-a"), Arc::new(slow));
        world.put_main(&service("b", "${fromEnv:SLOW}"));
        world.reload.look().await;
        let time_passes = tokio::time::advance(Duration::from_secs(10));
        tokio::join!(world.reload.look(), time_passes);
        assert_eq!(world.reload.lost, Some(Lost::Hangs));
        answer
            .send("token-of-service-b".to_owned())
            .expect("it waits");
        while world.reload.lost.is_some() {
            tokio::task::yield_now().await;
            world.reload.look().await;
        }
        assert_eq!(world.names().await, ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn dynamic_services_come_and_go_and_touch_no_other() {
        let mut world = World::new(&service("web", "token-of-service-web"));
        world.put_dynamic("web.yaml", &service("worker", "token-of-the-worker"));
        assert_eq!(world.names().await, ["web", "worker"]);
        let (old, new) = (world.path("dynamic/web.yaml"), world.path("dynamic/x.yml"));
        std::fs::rename(old, new).expect("renamed");
        assert_eq!(world.names().await, ["web", "worker"]);
        std::fs::remove_file(world.path("dynamic/x.yml")).expect("removed");
        assert_eq!(world.names().await, ["web"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dynamic_file_that_is_emptied_on_purpose_has_no_services() {
        let mut world = World::new(&service("web", "token-of-service-web"));
        world.put_dynamic("x.yaml", &service("worker", "token-of-the-worker"));
        assert_eq!(world.names().await, ["web", "worker"]);
        put(&world.path("dynamic/x.yaml"), "services:\n");
        assert_eq!(world.names().await, ["web", "worker"], "it may be cut off");
        put(&world.path("dynamic/x.yaml"), "services: {}\n");
        assert_eq!(world.names().await, ["web"]);
        assert!(world.view.table().troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_told_and_ends_with_its_cause() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        world.put_dynamic("1.yaml", &service("a", "another-token-of-a"));
        world.put_dynamic("2.yaml", &service("b", "token-of-service-a"));
        let table = world.settle().await;
        assert_eq!(table.services().len(), 1);
        assert_eq!(table.troubles().len(), 2);
        assert!(
            table
                .troubles()
                .iter()
                .all(|told| !told.contains("token-of"))
        );
        world.put_main(&service("c", "token-of-service-c"));
        assert_eq!(world.names().await, ["c", "a", "b"]);
        assert!(world.view.table().troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_rotates_with_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("token");
        put(&token, "the-old-token-of-it\n");
        let text = format!("${{fromFile:{}}}", token.display());
        let mut world = World::new(&service("a", &text));
        put(&token, "the-new-token-of-it\n");
        let table = world.settle().await;
        for token in ["the-old-token-of-it", "the-new-token-of-it"] {
            assert!(
                table.by_authorization(token.as_bytes()).is_some(),
                "{token}"
            );
        }
        tokio::time::advance(Duration::from_mins(10)).await;
        let old = table.by_authorization(b"the-old-token-of-it");
        assert!(old.is_none());
        put(&token, "short");
        let table = world.settle().await;
        assert!(table.by_authorization(b"the-new-token-of-it").is_some());
        assert_eq!(table.troubles().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn new_defaults_reach_dynamic_services() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        world.put_dynamic("b.yaml", &service("b", "token-of-service-b"));
        let before = world.settle().await;
        let supply = |table: &Table| Arc::clone(&table.by_name("b").expect("it is there").supply);
        let main = service("a", "token-of-service-a");
        world.put_main(&format!("{main}aws_defaults:\n  region: eu-central-1\n"));
        let after = world.settle().await;
        assert!(!Arc::ptr_eq(&supply(&before), &supply(&after)));
    }

    #[tokio::test(start_paused = true)]
    async fn another_listener_waits_for_a_restart() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        let main = service("a", "token-of-service-a");
        world.put_main(&format!("{main}server:\n  port: 4711\n"));
        let table = world.settle().await;
        let expected = "`server.host` or `server.port` of the configuration file changed. Restart the proxy for \
                        it to take effect";
        assert_eq!(table.troubles(), [expected]);
        world.put_main(&main);
        assert!(world.settle().await.troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn repositories_follow_the_file_where_artifacts_are_served() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        let mut main = world.reload.main_file();
        let aliases = |main: &mut watch::Receiver<Arc<FileConfig>>| {
            let file = main.borrow_and_update();
            let upstreams = file.codeartifact.iter();
            upstreams
                .map(|upstream| upstream.alias.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(aliases(&mut main), [""; 0]);
        let services = service("a", "token-of-service-a");
        let more =
            "codeartifact:\n  team: {domain: acme, domain_owner: 123456789012, repository: team}\n";
        world.put_main(&format!("{services}{more}"));
        let troubles = world.settle().await.troubles().to_vec();
        let expected = "`codeartifact` of the configuration file changed. Restart the proxy for it to take effect";
        assert_eq!(troubles, [expected], "this process serves no artifacts");
        assert_eq!(aliases(&mut main), ["team"]);
        world.reload.started_with.serves_artifacts = true;
        world.put_main(&format!("{services}{}", more.replace("team:", "Team:")));
        assert!(world.settle().await.troubles()[0].contains("`Team` is not a name"));
        assert!(!main.has_changed().expect("a file"), "the good one stays");
        world.put_main(&format!("{services}{}", more.replace("team:", "other:")));
        assert_eq!(world.settle().await.troubles(), [""; 0]);
        assert_eq!(aliases(&mut main), ["other"]);
        world.put_main(&services);
        world.settle().await;
        assert_eq!(aliases(&mut main), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn services_wait_for_a_restart_where_nobody_listens_for_them() {
        let mut world = World::new("  {}\n");
        world.reload.started_with.serves_containers = false;
        world.put_main(&service("a", "token-of-service-a"));
        let table = world.settle().await;
        assert!(table.services().is_empty());
        assert!(table.troubles()[0].starts_with("`services`, `dynamic_services` or `server`"));
    }

    #[tokio::test(start_paused = true)]
    async fn names_of_hosts_and_lines_about_health_need_no_restart() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        assert!(world.settle().await.allowed_hosts().is_empty());
        let main = service("a", "token-of-service-a");
        let server = "server:\n  allowed_hosts: [creds]\n  log_health_checks: true\n";
        world.put_main(&format!("{main}{server}"));
        let table = world.settle().await;
        assert_eq!(table.allowed_hosts(), ["creds"]);
        assert!(table.logs_health_checks());
        assert!(table.troubles().is_empty(), "{:?}", table.troubles());
    }

    #[tokio::test(start_paused = true)]
    async fn a_main_file_behind_swapped_links_is_followed() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        let text = World::main(world.folder.path(), &service("b", "token-of-service-b"));
        put(&world.path("other.yaml"), &text);
        symlink("other.yaml", world.path("link")).expect("a link");
        std::fs::rename(world.path("link"), world.path("config.yaml")).expect("swapped");
        assert_eq!(world.names().await, ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_services_are_a_fault_of_the_main_file() {
        let mut world = World::new(&service("a", "token-of-service-a"));
        let many = (0..=MOST_ROLES)
            .map(|number| service(&format!("s{number}"), &format!("token-of-service-{number}")));
        let many: Vec<_> = many.collect();
        world.put_main(&many.concat());
        assert_eq!(world.names().await, ["a"]);
        let troubles = world.view.table().troubles().to_vec();
        assert!(troubles[0].contains("1001 services and allowed roles are too many"));
    }
}
