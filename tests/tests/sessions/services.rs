//! Sources and keepers of services for containers, beside the proxy's own: what they are given, what they are
//! told, and what AWS is asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bazel_proxy::aws::http_client;
use bazel_proxy::config::{Keys, Profile, RenewalConfig, RoleConfig, SourceConfig, SourceKind};
use bazel_proxy::credentials::{Credentials, Ending, Keeper, Sessions, Source, State, Valid};
use bazel_proxy::metrics::Metrics;
use simulated_aws::{Fault, Operation, RoleRules};
use sso_session::location::Locations;
use sso_session::secret::Secret;
use tests::scratch::ACCESS_KEY;
use tests::{PATIENCE, SsoWorld, eventually, throughout};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::support::write;

const ROLE: &str = "arn:aws:iam::111122223333:role/team/Deployer";
/// Nothing but the keeper's own watchfulness brings it forward.
const SELDOM: Duration = Duration::from_hours(1);

/// One process with services.
struct Services {
    world: SsoWorld,
    own: Source,
    metrics: Arc<Metrics>,
    check_interval: Duration,
}

/// A keeper, which ends with this.
struct Running {
    credentials: Credentials,
    stop: oneshot::Sender<Ending>,
    task: JoinHandle<()>,
}

fn variables(world: &SsoWorld) -> impl Fn(&str) -> Option<String> + use<> {
    let (home, endpoint) = (world.scratch.home(), world.aws.endpoint_url());
    move |name| match name {
        "HOME" => Some(home.display().to_string()),
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        _ => None,
    }
}

impl Services {
    async fn new() -> Self {
        Self::of(SsoWorld::new().await)
    }

    fn of(world: SsoWorld) -> Self {
        let vars = variables(&world);
        let http = http_client(None);
        let threshold = Duration::from_mins(20);
        let sessions = Sessions::new(Locations::from_vars(&vars), threshold, http.clone());
        let metrics = Arc::new(Metrics::new());
        let profile = Profile::Named("team".to_owned());
        let region = world.aws.region().to_owned();
        let own = Source::new(profile, region, http, sessions, &vars);
        Self {
            own: own.counted_by(Arc::clone(&metrics)),
            world,
            metrics,
            check_interval: SELDOM,
        }
    }

    fn keep(&self, kind: SourceKind, role: Option<RoleConfig>) -> Running {
        let region = None;
        self.keep_in(&SourceConfig { region, kind }, role)
    }

    fn keep_in(&self, source: &SourceConfig, role: Option<RoleConfig>) -> Running {
        let (keeper, credentials) = self.begin_in(source, role);
        let keeper = keeper.for_containers(watch::channel(RenewalConfig::default()).1);
        Running::of(keeper, credentials)
    }

    /// For [`role`].
    fn begin(&self, kind: SourceKind) -> (Keeper, Credentials) {
        let region = None;
        self.begin_in(&SourceConfig { region, kind }, Some(role()))
    }

    fn begin_in(&self, source: &SourceConfig, role: Option<RoleConfig>) -> (Keeper, Credentials) {
        let source = self.own.for_service(source, role.map(Arc::new));
        let vars = variables(&self.world);
        Keeper::new(source, self.check_interval, &vars)
    }

    fn assumed(&self) -> u64 {
        self.world.aws.counters().count(Operation::AssumeRole)
    }

    /// What STS was asked for last, by parameter.
    fn asked(&self, name: &str) -> String {
        let asked = self.world.aws.sts().asked(ROLE).expect("asked for");
        asked.parameters.get(name).cloned().unwrap_or_default()
    }

    fn refuse(&self, status: u16, code: &str) -> simulated_aws::FaultId {
        let fault = Fault::on(Operation::AssumeRole).respond(status, code);
        self.world.aws.faults().add(fault)
    }
}

impl Running {
    fn of(keeper: Keeper, credentials: Credentials) -> Self {
        let (stop, stopped) = oneshot::channel();
        let ending = async { stopped.await.unwrap_or(Ending::Unwanted) };
        Self {
            credentials,
            stop,
            task: tokio::spawn(keeper.run(ending)),
        }
    }

    async fn valid(&self) -> Arc<Valid> {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.credentials.usable(PATIENCE).await {
                Ok(valid) => return valid,
                Err(error) if tokio::time::Instant::now() > give_up => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// While others still have a view of its credentials.
    async fn ended(self, ending: Ending) {
        self.stop.send(ending).expect("it runs");
        let ended = tests::within(PATIENCE, "an end", self.task).await;
        ended.expect("no panic");
    }

    async fn in_state(&self, name: &str) -> State {
        eventually(name, async || self.credentials.state().name() == name).await;
        self.credentials.state()
    }

    /// The whole text that a client is told.
    async fn told(&self, state: &str) -> String {
        let state = self.in_state(state).await;
        state.trouble().expect("a text").to_string()
    }
}

fn keys(id: &str, secret: &str, token: Option<&str>) -> SourceKind {
    SourceKind::Keys(Arc::new(Keys {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: token.map(Secret::new),
    }))
}

/// Those that the simulated AWS knows.
fn good_keys() -> SourceKind {
    keys(ACCESS_KEY.0, ACCESS_KEY.1, None)
}

fn profile(name: &str) -> SourceKind {
    SourceKind::Profile {
        name: name.to_owned(),
        config_file: None,
    }
}

fn role() -> RoleConfig {
    RoleConfig::new(ROLE, "container")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_assumed_with_every_parameter_of_sts() {
    let services = Services::new().await;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let provider = "arn:aws:iam::aws:contextProvider/IdentityCenter";
    let asked = RoleConfig {
        duration: Duration::from_hours(2),
        external_id: Some("ext-1".to_owned()),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
        policy: Some(r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned()),
        tags: vec![pair("team", "builds"), pair("empty", "")],
        transitive_tag_keys: vec!["team".to_owned()],
        serial_number: Some("arn:aws:iam::123456789012:mfa/dev".to_owned()),
        token_code: Some("123456".to_owned()),
        source_identity: Some("dev".to_owned()),
        provided_contexts: vec![pair(provider, "assertion")],
        ..role()
    };
    let source = SourceConfig {
        region: Some("eu-central-1".to_owned()),
        kind: good_keys(),
    };
    let service = services.keep_in(&source, Some(asked));
    let valid = service.valid().await;
    for (name, value) in [
        ("RoleSessionName", "container"),
        ("DurationSeconds", "7200"),
        ("ExternalId", "ext-1"),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
        ("Policy", r#"{"Version":"2012-10-17","Statement":[]}"#),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "builds"),
        ("Tags.member.2.Key", "empty"),
        ("Tags.member.2.Value", ""),
        ("TransitiveTagKeys.member.1", "team"),
        ("SerialNumber", "arn:aws:iam::123456789012:mfa/dev"),
        ("TokenCode", "123456"),
        ("SourceIdentity", "dev"),
        ("ProvidedContexts.member.1.ProviderArn", provider),
        ("ProvidedContexts.member.1.ContextAssertion", "assertion"),
    ] {
        assert_eq!(services.asked(name), value, "{name}");
    }
    let asked = services.world.aws.sts().asked(ROLE).expect("asked for");
    assert_eq!(asked.region, "eu-central-1");
    assert_eq!(valid.account_id(), Some("111122223333"));
    assert_eq!(valid.identity.assumed_role_arn.as_deref(), Some(ROLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_partitions_are_asked_in_their_own_regions() {
    let services = Services::new().await;
    for (region, partition) in [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")] {
        let role_arn = format!("arn:{partition}:iam::111122223333:role/Deployer");
        let source = SourceConfig {
            region: Some(region.to_owned()),
            kind: good_keys(),
        };
        let asked = RoleConfig {
            role_arn: role_arn.clone(),
            ..role()
        };
        let service = services.keep_in(&source, Some(asked));
        let valid = service.valid().await;
        assert_eq!(valid.account_id(), Some("111122223333"));
        let asked = services.world.aws.sts().asked(&role_arn);
        assert_eq!(asked.expect("asked for").region, region);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_term_keys_are_never_handed_out() {
    let services = Services::new().await;
    let of_keys = services.keep(good_keys(), None);
    let file = services.world.scratch.path().join("other-config");
    let (id, secret) = ACCESS_KEY;
    write(
        &file,
        "[profile static]\naws_access_key_id = AKIASTALE\naws_secret_access_key = x\n",
    );
    // Of two sections of one profile, that of the credentials file counts, wherever the other one lies.
    services.world.scratch.write_credentials(&format!(
        "[static]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    let of_profile = SourceKind::Profile {
        name: "static".to_owned(),
        config_file: Some(file),
    };
    let of_profile = services.keep(of_profile, None);
    for service in [&of_keys, &of_profile] {
        let valid = service.valid().await;
        assert_ne!(valid.credentials.access_key_id(), ACCESS_KEY.0);
        assert!(valid.credentials.session_token().is_some());
        let expiry = valid.credentials.expiry().expect("they end");
        let life = expiry.duration_since(valid.loaded_at).unwrap_or_default();
        assert!(life > Duration::from_mins(59) && life <= Duration::from_hours(1));
    }
    let asked = services.world.aws.counters();
    assert_eq!(asked.count(Operation::GetSessionToken), 2);

    // Temporary ones are given as they are.
    let identities = services.world.aws.identities();
    identities.add_session("ASIATEMPORARY", "s", "t", None);
    let temporary = services.keep(keys("ASIATEMPORARY", "s", Some("t")), None);
    let valid = temporary.valid().await;
    assert_eq!(valid.credentials.access_key_id(), "ASIATEMPORARY");
    assert_eq!(asked.count(Operation::GetSessionToken), 2);
}

/// A profile of temporary keys, of which nobody says when they end.
fn undated(services: &Services, note: &str) -> SourceKind {
    let keys =
        "aws_access_key_id = ASIAUNDATED\naws_secret_access_key = s\naws_session_token = t\n";
    let file = services.world.scratch.path().join("undated");
    write(&file, format!("[profile undated]\n{keys}# {note}\n"));
    SourceKind::Profile {
        name: "undated".to_owned(),
        config_file: Some(file),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_keys_whose_end_nobody_knows_are_checked_again_and_again() {
    let services = Services::new().await;
    let identities = services.world.aws.identities();
    identities.add_session("ASIAUNDATED", "s", "t", None);
    let of_keys = services.keep(keys("ASIAUNDATED", "s", Some("t")), None);
    let of_profile = services.keep(undated(&services, "one"), None);
    let mut firsts = Vec::new();
    for service in [&of_keys, &of_profile] {
        let valid = service.valid().await;
        assert_eq!(valid.credentials.access_key_id(), "ASIAUNDATED");
        let end = valid.credentials.expiry().expect("an end");
        let life = end.duration_since(valid.loaded_at).unwrap_or_default();
        assert!(life > Duration::from_mins(29) && life <= Duration::from_mins(30));
        let at_half = valid.renewal_at().expect("it is checked again");
        let left = end.duration_since(at_half).unwrap_or_default();
        assert!(left >= Duration::from_mins(14) && left <= Duration::from_mins(15));
        assert_eq!(valid.account_id(), Some("123456789012"));
        firsts.push(valid);
    }
    let checks = services.world.aws.counters();
    assert_eq!(checks.count(Operation::GetCallerIdentity), 2);

    // The same keys, checked once more: they have another end now.
    undated(&services, "two");
    eventually("they were checked again", async || {
        of_profile.credentials.generation() > Some(firsts[1].generation)
    })
    .await;
    let second = of_profile.valid().await;
    assert!(second.credentials.expiry() > firsts[1].credentials.expiry());

    // Trouble that passes leaves them until then, and their end takes them away at once.
    let fault = Fault::on(Operation::GetCallerIdentity).respond(503, "ServiceUnavailable");
    let fault = services.world.aws.faults().add(fault);
    undated(&services, "three");
    eventually("a check failed", async || {
        of_profile.credentials.report().renewal_trouble.is_some()
    })
    .await;
    assert_eq!(of_profile.credentials.generation(), Some(second.generation));
    services.world.aws.faults().remove(fault);
    identities.expire("ASIAUNDATED");
    undated(&services, "four");
    let text = of_profile.told("login-required").await;
    assert!(
        text.contains("profile `undated`") && text.contains("expired"),
        "{text}"
    );
    assert_eq!(services.world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_takes_nothing_away_and_one_that_says_otherwise_does() {
    let services = Services::new().await;
    let _login = services.world.sign_in();
    let service = services.keep(profile("team"), Some(role()));
    let first = service.valid().await;
    let failed = async |what: &str| {
        eventually(what, async || {
            service.credentials.report().renewal_trouble.is_some()
        })
        .await;
        let trouble = service.credentials.report().renewal_trouble;
        trouble.expect("found above").to_string()
    };
    let path = services.own.locations().config_file.clone();
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder in its place");
    let text = failed("it cannot be read").await;
    assert!(text.contains("not a plain file"), "{text}");
    assert_eq!(service.credentials.generation(), Some(first.generation));
    std::fs::remove_dir(&path).expect("removed");
    services
        .world
        .scratch
        .write_config(&services.world.config());
    eventually("all is well again", async || {
        service.credentials.report().renewal_trouble.is_none()
    })
    .await;

    // What it names gives nothing now, as an instance's metadata at times.
    let nothing = "[profile team]\nrole_arn = arn:aws:iam::111122223333:role/Deployer\n\
                   credential_source = Environment\n";
    let chained = services.keep(keys_of_profile(&services), None);
    chained.valid().await;
    write(&services.world.scratch.path().join("chained"), nothing);
    eventually("its source gives nothing", async || {
        chained.credentials.report().renewal_trouble.is_some()
    })
    .await;
    assert!(matches!(chained.credentials.state(), State::Valid(_)));
    // Now it says that there are none.
    write(
        &services.world.scratch.path().join("chained"),
        "[profile team]\nregion = us-west-2\n",
    );
    let text = chained.told("config-error").await;
    assert!(text.contains("no credentials were found"), "{text}");

    services
        .world
        .scratch
        .write_config("[profile another]\nregion = us-west-2\n");
    service.told("config-error").await;
}

/// A profile of a file of its own with keys in it.
fn keys_of_profile(services: &Services) -> SourceKind {
    let file = services.world.scratch.path().join("chained");
    let (id, secret) = ACCESS_KEY;
    let text =
        format!("[profile team]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    write(&file, text);
    SourceKind::Profile {
        name: "team".to_owned(),
        config_file: Some(file),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_one_sso_role_ask_the_portal_once() {
    let services = Services::new().await;
    let roles = (0..8).map(|number| RoleConfig {
        role_arn: format!("{ROLE}{number}"),
        ..role()
    });
    let keepers: Vec<_> = roles
        .map(|role| services.keep(profile("team"), Some(role)))
        .collect();
    for keeper in &keepers {
        keeper.in_state("login-required").await;
    }
    let _login = services.world.sign_in();
    for keeper in &keepers {
        keeper.valid().await;
    }
    let asked = services.world.aws.counters();
    assert_eq!(asked.count(Operation::GetRoleCredentials), 1);
    assert_eq!(asked.count(Operation::AssumeRole), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_others_means_nothing_to_keys() {
    let services = Services::new().await;
    let keeper = services.keep(good_keys(), Some(role()));
    let valid = keeper.valid().await;
    let _login = services.world.sign_in();
    throughout(
        Duration::from_millis(2500),
        "nothing is fetched",
        async || services.assumed() == 1,
    )
    .await;
    assert_eq!(keeper.valid().await.generation, valid.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_renew_holds_from_now_on() {
    let services = Services::new().await;
    let sts = services.world.aws.sts();
    sts.set_longest_life(Some(Duration::from_secs(16)));
    let (keeper, credentials) = services.begin(good_keys());
    let (ways, way) = watch::channel(RenewalConfig::default());
    let service = Running::of(keeper.for_containers(way), credentials);
    let first = service.valid().await;
    let slow = Fault::on(Operation::AssumeRole).delay(Duration::from_secs(2));
    services.world.aws.faults().add(slow);
    ways.send_replace(RenewalConfig {
        attempt_timeout: Some(Duration::from_secs(1)),
        ..RenewalConfig::default()
    });
    eventually("a renewal took too long", async || {
        service.credentials.report().renewal_trouble.is_some()
    })
    .await;
    assert_eq!(service.credentials.generation(), Some(first.generation));
    ways.send_replace(RenewalConfig::default());
    eventually("it has its time again", async || {
        service.credentials.generation() > Some(first.generation)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_panics_begins_again() {
    let services = Services::new().await;
    let (keeper, credentials) = services.begin(good_keys());
    let mut polls = 0;
    let panics = std::future::poll_fn(move |_| {
        polls += 1;
        assert!(polls != 1, "a panic within the keeper");
        std::task::Poll::Pending
    });
    let task = tokio::spawn(keeper.run(panics));
    eventually("there are credentials", async || {
        credentials.usable(PATIENCE).await.is_ok()
    })
    .await;
    assert!(!task.is_finished());
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_source_has_that_of_the_proxy() {
    let services = Services::new().await;
    let _login = services.world.sign_in();
    let plain = services.keep(SourceKind::Own, None);
    let assuming = services.keep(SourceKind::Own, Some(role()));
    let own = plain.valid().await;
    assert_eq!(own.identity.role_name.as_deref(), Some("Developer"));
    assert_eq!(own.account_id(), Some("123456789012"));
    let assumed = assuming.valid().await;
    assert_eq!(assumed.account_id(), Some("111122223333"));
    assert_eq!(assumed.identity.sso_session.as_deref(), Some("corp"));
    let asked = services.world.aws.sts().asked(ROLE).expect("asked for");
    assert!(
        asked.caller.contains("AWSReservedSSO_Developer"),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_takes_credentials_away_at_once_and_trouble_that_passes_does_not() {
    let services = Services::new().await;
    services
        .world
        .aws
        .sts()
        .set_longest_life(Some(Duration::from_secs(20)));
    let service = services.keep(good_keys(), Some(role()));
    let first = service.valid().await;
    let fault = services.refuse(503, "ServiceUnavailable");
    eventually("a renewal failed", async || {
        service.credentials.report().renewal_trouble.is_some()
    })
    .await;
    assert_eq!(service.credentials.generation(), Some(first.generation));

    services.world.aws.faults().remove(fault);
    let fault = services.refuse(403, "AccessDenied");
    let text = service.told("denied").await;
    assert!(
        text.contains(ROLE) && text.contains("iam_keys AKIA"),
        "{text}"
    );
    services.world.aws.faults().remove(fault);
    let again = service.valid().await;
    assert!(again.generation > first.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_needed_leaves_old_credentials_until_their_end() {
    let services = Services::new().await;
    let _login = services.world.sign_in();
    let life = Duration::from_secs(16);
    services.world.aws.sts().set_longest_life(Some(life));
    // So that the portal is asked again so soon.
    services.world.aws.sso().set_role_credentials_life(life);
    let service = services.keep(profile("team"), Some(role()));
    let first = service.valid().await;
    services.world.aws.sso().end_sessions();
    eventually("a renewal failed", async || {
        service.credentials.report().renewal_failure.is_some()
    })
    .await;
    assert_eq!(service.credentials.generation(), Some(first.generation));
    let text = service.told("login-required").await;
    assert!(text.contains("`aws sso login --profile team`"), "{text}");
    assert!(text.contains("containers get credentials again"), "{text}");
    let _login = services.world.sign_in();
    let again = service.valid().await;
    assert!(again.generation > first.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_the_words_of_the_configuration_file() {
    let services = Services::new().await;
    let _login = services.world.sign_in();
    let sts = services.world.aws.sts();
    let long = |duration| Some(RoleConfig { duration, ..role() });
    services
        .world
        .aws
        .identities()
        .add_session("ASIASPENT", "s", "t", None)
        .expire("ASIASPENT");
    let other_file = SourceKind::Profile {
        name: "nobody".to_owned(),
        config_file: Some(PathBuf::from("~/elsewhere")),
    };
    let rows = [
        // Chained: SSO's credentials are those of a role.
        (
            services.keep(profile("team"), long(Duration::from_hours(2))),
            "config-error",
            vec!["7200 s", "1 hour session limit", "DurationSeconds"],
        ),
        (
            services.keep(keys("AKIANOBODY", "s", None), Some(role())),
            "config-error",
            vec!["AKIANOBODY", "does not know", "iam_keys", "us-west-2"],
        ),
        (
            services.keep(keys(ACCESS_KEY.0, "wrong", None), Some(role())),
            "config-error",
            vec!["secret access key", ACCESS_KEY.0, "iam_keys"],
        ),
        (
            services.keep(keys(ACCESS_KEY.0, "wrong", None), None),
            "config-error",
            vec!["secret access key", ACCESS_KEY.0],
        ),
        (
            services.keep(keys("ASIASPENT", "s", Some("t")), Some(role())),
            "login-required",
            vec!["ASIASPENT", "iam_keys", "Temporary keys end"],
        ),
        (
            services.keep(profile("nobody"), None),
            "config-error",
            vec!["nobody", "iam_profile"],
        ),
        (
            services.keep(other_file, None),
            "config-error",
            vec!["nobody", "/elsewhere", "config_file"],
        ),
    ];
    for (service, state, words) in &rows {
        let text = service.told(state).await;
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(
            !text.contains("wrong,") && !text.contains("AWS_PROFILE"),
            "{text}"
        );
    }

    sts.set_rules(ROLE, RoleRules::new().longest(Duration::from_mins(30)));
    let above = services.keep(good_keys(), Some(role()));
    let text = above.told("config-error").await;
    assert!(
        text.contains("3600 s") && text.contains("MaxSessionDuration"),
        "{text}"
    );
    sts.set_rules(ROLE, RoleRules::new().external_id("ext-1"));
    let without = services.keep(profile("team"), Some(role()));
    let text = without.told("denied").await;
    let who = "profile `team` may not assume";
    assert!(text.contains(who) && text.contains("ExternalId"), "{text}");
    assert!(
        text.contains("User: arn:aws:sts::123456789012:assumed-role"),
        "{text}"
    );
    let nobody_is_asked = services.world.signal();
    assert_eq!(nobody_is_asked, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_spent_leaves_the_credentials_it_brought() {
    let services = Services::new().await;
    let device = "arn:aws:iam::123456789012:mfa/dev";
    let sts = services.world.aws.sts();
    sts.set_rules(ROLE, RoleRules::new().mfa(device, "123456"));
    sts.set_longest_life(Some(Duration::from_secs(16)));
    let asked = RoleConfig {
        serial_number: Some(device.to_owned()),
        token_code: Some("123456".to_owned()),
        ..role()
    };
    let service = services.keep(good_keys(), Some(asked));
    let first = service.valid().await;
    eventually("the renewal is refused", async || {
        service.credentials.report().renewal_failure.is_some()
    })
    .await;
    assert_eq!(service.credentials.generation(), Some(first.generation));
    let text = service.told("login-required").await;
    assert!(text.contains("TokenCode") && text.contains(ROLE), "{text}");
    assert_eq!(services.world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_want_newer_credentials_cause_one_attempt_and_then_wait_for_nothing() {
    let services = Services::new().await;
    let sts = services.world.aws.sts();
    sts.set_longest_life(Some(Duration::from_secs(24)));
    let service = services.keep(good_keys(), Some(role()));
    let first = service.valid().await;
    let patience = Duration::from_secs(1);

    // Long before it is due, nobody is asked for newer ones.
    assert!(!service.credentials.is_renewal_due(&first));
    assert_eq!(services.assumed(), 1);

    let slow = Fault::on(Operation::AssumeRole).delay(Duration::from_millis(200));
    services
        .world
        .aws
        .faults()
        .add(slow.respond(503, "ServiceUnavailable"));
    eventually("a renewal failed", async || {
        service.credentials.report().renewal_trouble.is_some()
    })
    .await;
    let attempts = services.assumed();
    let began = tokio::time::Instant::now();
    for _ in 0..200 {
        assert!(service.credentials.newer(&first, patience).await.is_none());
    }
    assert!(began.elapsed() < patience, "{:?}", began.elapsed());
    assert_eq!(services.assumed(), attempts, "no attempt for any of them");
    let why = service.credentials.why_not_renewed().to_string();
    assert!(why.contains("ServiceUnavailable"), "{why}");

    services.world.aws.faults().clear();
    eventually("they are renewed", async || {
        service.credentials.generation() > Some(first.generation)
    })
    .await;
    let newer = service.credentials.newer(&first, patience).await;
    assert!(newer.is_some_and(|newer| newer.generation > first.generation));
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_one_session_ask_for_one_login_and_take_it_back_once() {
    let mut services = Services::new().await;
    services.check_interval = Duration::from_secs(1);
    services.world.aws.sso().assign("123456789012", "Reader");
    let reader = "[profile reader]\nsso_session = corp\nsso_account_id = 123456789012\n\
                  sso_role_name = Reader\n";
    let config = services.world.config() + reader;
    services.world.scratch.write_config(&config);
    let keepers = [
        services.keep(profile("team"), None),
        services.keep(profile("reader"), None),
        services.keep(SourceKind::Own, Some(role())),
    ];
    for keeper in &keepers {
        keeper.in_state("login-required").await;
    }
    let first = services.world.signalled().await;
    // All of them say it again meanwhile.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let later = services.world.signalled().await;
    assert_eq!(later["generation"], first["generation"]);
    assert_eq!(services.metrics.login_requests.get(), 1);

    let _login = services.world.sign_in();
    for keeper in &keepers {
        keeper.valid().await;
    }
    services.world.unsignalled().await;
    let until = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < until {
        assert_eq!(services.world.signal(), None, "nobody asks again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(services.metrics.login_requests.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_two_sessions_ask_one_after_the_other() {
    const OTHER: &str = "other";
    let mut services = Services::new().await;
    services.check_interval = Duration::from_secs(1);
    let config = services.world.config() + &services.world.aws.sso().config(OTHER);
    services.world.scratch.write_config(&config);
    let team = services.keep(profile("team"), None);
    team.in_state("login-required").await;
    assert_eq!(services.world.signalled().await["ssoSession"], "corp");
    let other = services.keep(profile(OTHER), None);
    other.in_state("login-required").await;
    assert_eq!(services.world.signalled().await["ssoSession"], "corp");

    let _login = services.world.sign_in();
    team.valid().await;
    eventually("the other one has its turn", async || {
        services
            .world
            .signal()
            .is_some_and(|signal| signal["ssoSession"] == OTHER)
    })
    .await;
    assert!(matches!(team.credentials.state(), State::Valid(_)));
    let login = services.world.aws.sso().sign_in();
    let written = login.write_in_place(&services.world.token_folder(), OTHER);
    written.expect("a token's file");
    other.valid().await;
    services.world.unsignalled().await;
    assert_eq!(services.metrics.login_requests.get(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_needs_no_login() {
    let services = Services::new().await;
    let first = services.keep(profile("team"), None);
    let other = services.keep(profile("team"), Some(role()));
    for service in [&first, &other] {
        service.in_state("login-required").await;
    }
    services.world.signalled().await;
    first.ended(Ending::Unwanted).await;
    services.world.signalled().await;
    other.ended(Ending::Unwanted).await;
    assert_eq!(services.world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_leaves_the_request_for_the_next_one() {
    let services = Services::new().await;
    let service = services.keep(profile("team"), None);
    service.in_state("login-required").await;
    services.world.signalled().await;
    service.ended(Ending::Shutdown).await;
    services.world.signalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_configuration_file_that_the_watcher_does_not_read_is_for_the_client_to_tell()
 {
    let services = Services::new().await;
    let of = |config_file| SourceKind::Profile {
        name: "team".to_owned(),
        config_file: Some(config_file),
    };
    let file = services.world.scratch.path().join("other-config");
    write(&file, services.world.config());
    let own = services.keep(of(file), None);
    let text = own.told("login-required").await;
    assert!(
        text.contains("AWS_CONFIG_FILE=") && text.contains("other-config"),
        "{text}"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(services.world.signal(), None);

    let usual = services.keep(of(PathBuf::from("~/.aws/config")), None);
    usual.in_state("login-required").await;
    services.world.signalled().await;
}
