//! What is known of one session's token, and what is to be done about it. Decides only: no file, no
//! call, no clock.
//!
//! ```text
//!            see(file)                  settle(granted or found)
//! nothing ─────────────► known token ◄───────────────────────── renewal running
//!    ▲                    │  │  │                                     ▲
//!    └── missing for 30 s ┘  │  └── due: RENEWAL_THRESHOLD or half a life
//!                            │
//!                            └── refused, or not renewable and near its end: a login is needed
//! ```

mod renewal;
mod standing;

use std::time::{Duration, SystemTime};

use sso_session::refresh::RenewalError;
use sso_session::token::{Reading, Token, UnreadableToken};
use tokio::time::Instant;

use super::known::{Known, Moment};
use renewal::Renewal;

/// A file that is missing or unreadable counts as missing after this: a writer may be at work.
const MISSING_AFTER: Duration = Duration::from_secs(30);
/// A spent token that was put back into the file is replaced once in this time.
const BETWEEN_RESTORATIONS: Duration = Duration::from_mins(1);

/// Everything known about one session.
#[derive(Debug)]
pub(super) struct Ledger {
    threshold: Duration,
    known: Option<Known>,
    tokens_seen: u64,
    /// The token that was renewed last: a file that still holds it is an old one.
    spent: Option<Token>,
    /// Why the newest token is not in the file yet, if it is not.
    unsaved: Option<RenewalError>,
    /// When the newest token was written outside of a renewal.
    saved: Option<Instant>,
    missing: Option<Missing>,
    renewal: Renewal,
    /// Whether the newest login was asked for in the hope that it would mend a refusal.
    hoped_for: bool,
    /// How many tokens the portal did not take since it took one.
    rejections: u32,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    cause: Cause,
}

/// Why the file gives no token.
#[derive(Debug)]
enum Cause {
    Absent,
    /// A writer may be at work, or left it so; a login mends it.
    Garbled(String),
    /// The system does not give it to this process; no login mends that.
    Withheld(String),
}

impl Ledger {
    pub(super) fn new(threshold: Duration) -> Self {
        Self {
            threshold,
            known: None,
            tokens_seen: 0,
            spent: None,
            unsaved: None,
            saved: None,
            missing: None,
            renewal: Renewal::default(),
            hoped_for: false,
            rejections: 0,
        }
    }

    /// Takes note of the file, and of when it was written. `jitter` lies between 0 and 1.
    pub(super) fn see(
        &mut self,
        reading: Reading,
        written: Option<SystemTime>,
        now: Moment,
        jitter: f64,
    ) {
        let cause = match reading {
            Reading::Found(token) => {
                self.missing = None;
                if self.is_news(&token) {
                    self.unsaved = None;
                    self.adopt(token, written, now, jitter);
                } else if self.is_spent(&token) && !self.was_saved_lately(now) {
                    // Whoever put it back would have all others spend it again.
                    self.unsaved.get_or_insert_with(|| {
                        RenewalError::Passing("the file holds a token that was spent".to_owned())
                    });
                }
                return;
            }
            Reading::Absent => Cause::Absent,
            Reading::Unreadable(error @ UnreadableToken::Content { .. }) => {
                Cause::Garbled(error.to_string())
            }
            Reading::Unreadable(error @ UnreadableToken::Disk(_)) => {
                Cause::Withheld(error.to_string())
            }
        };
        let since = self
            .missing
            .as_ref()
            .map_or(now.monotonic, |missing| missing.since);
        self.missing = Some(Missing { since, cause });
        // A token that could not be written is not missing: it was never there.
        if self.is_missing_for_good(now) && self.unsaved.is_none() {
            self.known = None;
        }
    }

    /// A bind mount may go on showing what was replaced: that is not written in a loop.
    fn was_saved_lately(&self, now: Moment) -> bool {
        self.saved.is_some_and(|saved| {
            now.monotonic.saturating_duration_since(saved) < BETWEEN_RESTORATIONS
        })
    }

    /// Whether nothing better is known: a spent token is only better than none.
    fn is_news(&self, token: &Token) -> bool {
        let known = self.known.as_ref();
        known.is_none_or(|known| !known.token.is_same_login(token) && !self.is_spent(token))
    }

    /// Whether the newest token has replaced this one.
    fn is_spent(&self, token: &Token) -> bool {
        let spent = self.spent.as_ref();
        spent.is_some_and(|spent| spent.is_same_login(token))
    }

    fn is_missing_for_good(&self, now: Moment) -> bool {
        self.missing.as_ref().is_some_and(|missing| {
            now.monotonic.saturating_duration_since(missing.since) >= MISSING_AFTER
        })
    }

    fn adopt(&mut self, token: Token, written: Option<SystemTime>, now: Moment, jitter: f64) {
        self.tokens_seen += 1;
        let before = self.known.as_ref();
        self.hoped_for = before.is_some_and(|known| known.refused_in_hope);
        self.known = Some(Known::new(token, self.tokens_seen, written, now, jitter));
        self.renewal = Renewal {
            is_running: self.renewal.is_running,
            ..Renewal::default()
        };
    }

    /// `token` takes the place of `spent`, unless the file has told of it already.
    fn replace(
        &mut self,
        spent: &Token,
        token: Token,
        unsaved: Option<RenewalError>,
        now: Moment,
        jitter: f64,
    ) {
        self.spent = Some(spent.clone());
        if self.is_news(&token) {
            self.unsaved = unsaved;
            self.adopt(token, Some(now.wall), now, jitter);
        }
    }

    /// The token that is not in the file yet, and the one that it replaces.
    pub(super) fn unsaved(&self) -> Option<(Token, Token)> {
        self.unsaved.as_ref()?;
        Some((self.spent.clone()?, self.known.as_ref()?.token.clone()))
    }

    /// This token has been written.
    pub(super) fn saved(&mut self, token: &Token, now: Moment) {
        self.saved = Some(now.monotonic);
        if self.is_newest(token) {
            self.unsaved = None;
        }
    }

    /// This token could not be written again.
    pub(super) fn not_saved(&mut self, token: &Token, why: RenewalError) {
        if self.is_newest(token) && self.unsaved.is_some() {
            self.unsaved = Some(why);
        }
    }

    fn is_newest(&self, token: &Token) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| known.token.is_same_login(token))
    }
}

#[cfg(test)]
mod tests {
    use sso_session::refresh::Renewed;

    use super::*;
    use crate::credentials::session::Standing;
    use sso_session::secret::Secret;
    use std::time::UNIX_EPOCH;

    const THRESHOLD: Duration = Duration::from_mins(20);
    const MINUTE: Duration = Duration::from_mins(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// Both clocks, moved together or one by one.
    struct Clocks(Moment);

    impl Clocks {
        fn new() -> Self {
            Self(Moment {
                wall: UNIX_EPOCH + Duration::from_hours(24),
                monotonic: Instant::now(),
            })
        }

        fn pass(&mut self, time: Duration) -> Moment {
            self.0.wall += time;
            self.0.monotonic += time;
            self.0
        }

        fn step(&mut self, time: Duration) -> Moment {
            self.0.wall += time;
            self.0
        }
    }

    fn token(name: &str, expires_at: SystemTime, refreshable: bool) -> Token {
        let refresh = if refreshable {
            r#","refreshToken":"r""#
        } else {
            ""
        };
        let expires_at = sso_session::date::format(expires_at);
        let text = format!(
            r#"{{"startUrl":"https://d-1.awsapps.com/start","region":"us-west-2","accessToken":"{name}",
            "expiresAt":"{expires_at}","clientId":"c","clientSecret":"s",
            "registrationExpiresAt":"2099-01-01T00:00:00Z"{refresh}}}"#
        );
        Token::parse(text.as_bytes()).expect("a token")
    }

    fn hour_long(name: &str, clocks: &Clocks) -> Token {
        token(name, clocks.0.wall + MINUTE * 60, true)
    }

    fn with(token: &Token, clocks: &Clocks) -> Ledger {
        let mut ledger = Ledger::new(THRESHOLD);
        ledger.see(
            Reading::Found(token.clone()),
            Some(clocks.0.wall),
            clocks.0,
            1.0,
        );
        ledger
    }

    fn begin_when_due(ledger: &mut Ledger, clocks: &mut Clocks) {
        assert!(ledger.begin_renewal(clocks.pass(MINUTE * 40)).is_some());
    }

    fn name_of(standing: &Standing) -> &str {
        match standing {
            Standing::Usable(token) => token.secret.expose(),
            Standing::Renewing => "renewing",
            Standing::LoginRequired(need) => &need.code,
            Standing::Passing(_) => "passing",
            Standing::Denied(_) => "denied",
            Standing::Misconfigured(_) => "misconfigured",
        }
    }

    fn login_required() -> RenewalError {
        RenewalError::LoginRequired {
            code: "InvalidGrantException".to_owned(),
            reason: "ended".to_owned(),
        }
    }

    fn login_once() -> RenewalError {
        RenewalError::LoginOnce {
            code: "InvalidScopeException".to_owned(),
            reason: "scope".to_owned(),
        }
    }

    fn unsaved(token: Token) -> Renewed {
        Renewed::Unsaved(token, RenewalError::Passing("the disk is full".to_owned()))
    }

    #[test]
    fn a_token_is_renewed_the_threshold_ahead() {
        let mut clocks = Clocks::new();
        let mut ledger = with(&hour_long("a", &clocks), &clocks);
        assert!(
            ledger
                .begin_renewal(clocks.pass(SECOND * (40 * 60 - 1)))
                .is_none()
        );
        assert!(ledger.begin_renewal(clocks.pass(SECOND)).is_some());
        assert!(
            ledger.begin_renewal(clocks.pass(SECOND)).is_none(),
            "one at a time"
        );
    }

    #[test]
    fn jitter_keeps_renewal_ahead_of_what_other_tools_do() {
        let mut clocks = Clocks::new();
        let mut ledger = Ledger::new(THRESHOLD);
        let token = hour_long("a", &clocks);
        ledger.see(Reading::Found(token), Some(clocks.0.wall), clocks.0, 0.0);
        assert!(
            ledger
                .begin_renewal(clocks.pass(SECOND * (42 * 60 - 1)))
                .is_none()
        );
        assert!(
            ledger.begin_renewal(clocks.pass(SECOND)).is_some(),
            "18 minutes ahead, botocore's are 15"
        );
    }

    #[test]
    fn a_threshold_as_long_as_a_life_is_half_of_it() {
        let mut clocks = Clocks::new();
        let mut ledger = Ledger::new(Duration::from_hours(1));
        let token = hour_long("a", &clocks);
        ledger.see(Reading::Found(token), Some(clocks.0.wall), clocks.0, 1.0);
        assert!(ledger.begin_renewal(clocks.pass(MINUTE * 29)).is_none());
        assert!(ledger.begin_renewal(clocks.pass(MINUTE)).is_some());
    }

    #[test]
    fn a_token_found_late_in_its_life_is_renewed_at_once() {
        let mut clocks = Clocks::new();
        let token = hour_long("a", &clocks);
        let written = clocks.0.wall;
        clocks.pass(MINUTE * 50);
        let mut ledger = Ledger::new(THRESHOLD);
        ledger.see(Reading::Found(token), Some(written), clocks.0, 1.0);
        assert!(ledger.begin_renewal(clocks.0).is_some());
    }

    #[test]
    fn failures_are_retried_after_a_growing_pause() {
        let mut clocks = Clocks::new();
        let token = hour_long("a", &clocks);
        let mut ledger = with(&token, &clocks);
        clocks.pass(MINUTE * 45);
        for pause in [5, 10, 20, 40, 60, 60] {
            assert!(ledger.begin_renewal(clocks.0).is_some());
            let passing = Err(RenewalError::Passing("offline".to_owned()));
            ledger.settle(&token, passing, clocks.0, 1.0);
            let early = clocks.pass(SECOND * (pause - 1));
            assert!(ledger.begin_renewal(early).is_none(), "{pause}");
            clocks.pass(SECOND);
        }
        assert_eq!(
            name_of(&ledger.standing(clocks.0)),
            "a",
            "it serves until its end"
        );
        assert_eq!(ledger.login_ahead(clocks.0), None);
        clocks.pass(MINUTE * 20);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "passing");
    }

    #[test]
    fn a_refusal_foresees_the_login_while_the_token_serves_on() {
        let mut clocks = Clocks::new();
        let token = hour_long("a", &clocks);
        let mut ledger = with(&token, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        ledger.settle(&token, Err(login_required()), clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "a");
        let ahead = ledger.login_ahead(clocks.0).expect("a login ahead");
        assert_eq!(ahead.code, "InvalidGrantException");
        assert!(
            ledger.begin_renewal(clocks.pass(MINUTE * 10)).is_none(),
            "never asked again"
        );
        clocks.pass(MINUTE * 10);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "InvalidGrantException");
        let new = hour_long("b", &clocks);
        ledger.see(Reading::Found(new), None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "b");
        assert_eq!(ledger.login_ahead(clocks.0), None);
    }

    #[test]
    fn a_token_without_refresh_foresees_its_login_near_its_end() {
        let mut clocks = Clocks::new();
        let legacy = token("a", clocks.0.wall + MINUTE * 480, false);
        let mut ledger = with(&legacy, &clocks);
        assert_eq!(ledger.login_ahead(clocks.pass(MINUTE * 459)), None);
        let ahead = ledger.login_ahead(clocks.pass(MINUTE));
        assert_eq!(ahead.expect("a login ahead").code, "NotRenewable");
        assert!(ledger.begin_renewal(clocks.pass(MINUTE * 30)).is_none());
        assert_eq!(
            name_of(&ledger.standing(clocks.0)),
            "a",
            "the portal has the last word"
        );
        ledger.reject(1, "401", clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "UnauthorizedException");
    }

    #[test]
    fn a_portal_that_takes_no_token_is_not_asked_in_a_loop() {
        let mut clocks = Clocks::new();
        let mut ledger = with(&hour_long("0", &clocks), &clocks);
        let mut pauses = Vec::new();
        for number in 1..6 {
            ledger.reject(number, "401", clocks.0, 1.0);
            let mut seconds = 0;
            let spent = loop {
                if let Some(spent) = ledger.begin_renewal(clocks.0) {
                    break spent;
                }
                assert_eq!(name_of(&ledger.standing(clocks.0)), "passing");
                seconds += 1;
                clocks.pass(SECOND);
            };
            pauses.push(seconds);
            let next = hour_long(&number.to_string(), &clocks);
            ledger.settle(&spent, Ok(Renewed::Granted(next)), clocks.0, 1.0);
            assert_eq!(name_of(&ledger.standing(clocks.0)), number.to_string());
        }
        assert_eq!(pauses, [0, 5, 10, 20, 40]);

        // One that is taken ends the series, for those that follow, too.
        ledger.accept(6);
        let spent = ledger.begin_renewal(clocks.pass(MINUTE * 50));
        let next = hour_long("good", &clocks);
        let granted = Ok(Renewed::Granted(next));
        ledger.settle(&spent.expect("due"), granted, clocks.0, 1.0);
        ledger.reject(7, "401", clocks.0, 1.0);
        assert!(ledger.begin_renewal(clocks.0).is_some());
    }

    #[test]
    fn a_clock_that_steps_asks_nobody_to_log_in() {
        let mut clocks = Clocks::new();
        let legacy = token("a", clocks.0.wall + MINUTE * 60, false);
        let ledger = with(&legacy, &clocks);
        let forward = clocks.step(MINUTE * 60);
        assert_eq!(ledger.login_ahead(forward), None);
        assert_eq!(name_of(&ledger.standing(forward)), "a");
        let token = hour_long("b", &clocks);
        let mut ledger = with(&token, &clocks);
        clocks.0.wall -= MINUTE * 60;
        assert!(
            ledger.begin_renewal(clocks.pass(MINUTE * 40)).is_some(),
            "in time all the same"
        );
    }

    #[test]
    fn an_old_file_after_a_renewal_is_no_news() {
        let mut clocks = Clocks::new();
        let old = hour_long("a", &clocks);
        let mut ledger = with(&old, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&old, Ok(Renewed::Granted(new)), clocks.0, 1.0);
        ledger.see(Reading::Found(old), None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "b");
        assert!(ledger.begin_renewal(clocks.0).is_none());
    }

    #[test]
    fn a_missing_file_counts_after_half_a_minute() {
        let mut clocks = Clocks::new();
        let mut ledger = with(&hour_long("a", &clocks), &clocks);
        ledger.see(Reading::Absent, None, clocks.0, 1.0);
        ledger.see(Reading::Absent, None, clocks.pass(SECOND * 29), 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "a");
        ledger.see(Reading::Absent, None, clocks.pass(SECOND), 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "NoToken");
    }

    #[test]
    fn a_file_that_was_never_there_is_a_login_to_make_at_once() {
        let clocks = Clocks::new();
        let mut ledger = Ledger::new(THRESHOLD);
        assert_eq!(
            name_of(&ledger.standing(clocks.0)),
            "renewing",
            "nobody has looked"
        );
        ledger.see(Reading::Absent, None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "NoToken");
    }

    #[test]
    fn a_torn_file_is_waited_for() {
        let mut clocks = Clocks::new();
        let mut ledger = Ledger::new(THRESHOLD);
        let torn = || {
            Reading::Unreadable(UnreadableToken::Content {
                path: "token.json".into(),
                problem: Token::parse(b"{").expect_err("torn"),
            })
        };
        ledger.see(torn(), None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "passing");
        ledger.see(torn(), None, clocks.pass(SECOND * 31), 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "UnreadableToken");
    }

    #[test]
    fn a_login_made_in_hope_that_brings_the_same_refusal_is_configuration() {
        let mut clocks = Clocks::new();
        let first = hour_long("a", &clocks);
        let mut ledger = with(&first, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        ledger.settle(&first, Err(login_once()), clocks.0, 1.0);
        assert_eq!(
            ledger.login_ahead(clocks.0).expect("once").code,
            "InvalidScopeException"
        );
        let second = hour_long("b", &clocks);
        ledger.see(Reading::Found(second.clone()), None, clocks.0, 1.0);
        begin_when_due(&mut ledger, &mut clocks);
        ledger.settle(&second, Err(login_once()), clocks.0, 1.0);
        assert_eq!(ledger.login_ahead(clocks.0), None, "nobody is asked twice");
        clocks.pass(MINUTE * 21);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "misconfigured");
    }

    #[test]
    fn a_folder_that_cannot_be_written_leaves_the_renewal_to_the_host() {
        let mut clocks = Clocks::new();
        let token = hour_long("a", &clocks);
        let mut ledger = with(&token, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let read_only = Err(RenewalError::ReadOnly("read-only".to_owned()));
        ledger.settle(&token, read_only, clocks.0, 1.0);
        assert_eq!(
            ledger.login_ahead(clocks.0).expect("ahead").code,
            "ReadOnlyFolder"
        );
        clocks.pass(MINUTE * 21);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "ReadOnlyFolder");
    }

    #[test]
    fn a_renewed_token_that_cannot_be_written_is_kept_and_used() {
        let mut clocks = Clocks::new();
        let old = hour_long("a", &clocks);
        let mut ledger = with(&old, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&old, Ok(unsaved(new)), clocks.0, 1.0);
        ledger.see(Reading::Absent, None, clocks.pass(MINUTE), 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "b");
        assert_eq!(
            ledger.unsaved().expect("unsaved").1.access_token,
            Secret::new("b")
        );
        ledger.saved(&hour_long("another", &clocks), clocks.0);
        let (_, token) = ledger.unsaved().expect("still unsaved");
        ledger.saved(&token, clocks.0);
        assert!(ledger.unsaved().is_none());
    }

    #[test]
    fn an_unsaved_token_that_ends_in_a_read_only_folder_asks_for_a_login() {
        let mut clocks = Clocks::new();
        let old = hour_long("a", &clocks);
        let mut ledger = with(&old, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&old, Ok(unsaved(new.clone())), clocks.0, 1.0);
        assert_eq!(ledger.login_ahead(clocks.pass(MINUTE * 39)), None);
        clocks.pass(MINUTE * 22);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "passing");
        ledger.not_saved(&new, RenewalError::ReadOnly("read-only".to_owned()));
        let ahead = ledger.login_ahead(clocks.0).expect("a login ahead");
        assert_eq!(ahead.code, "ReadOnlyFolder");
        assert_eq!(name_of(&ledger.standing(clocks.0)), "ReadOnlyFolder");
        assert!(ledger.begin_renewal(clocks.0).is_none());
        ledger.saved(&new, clocks.0);
        assert!(ledger.begin_renewal(clocks.0).is_some());
    }

    #[test]
    fn a_spent_token_that_was_put_back_is_replaced_and_never_spent_again() {
        let mut clocks = Clocks::new();
        let old = hour_long("a", &clocks);
        let mut ledger = with(&old, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&old, Ok(Renewed::Granted(new)), clocks.0, 1.0);
        // A renewal that is under way by then finds it, too.
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&new, Ok(Renewed::Found(old.clone())), clocks.0, 1.0);
        ledger.see(Reading::Found(old), None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "b");
        let (spent, token) = ledger.unsaved().expect("to be written again");
        assert_eq!(spent.access_token, Secret::new("a"));
        assert_eq!(token.access_token, Secret::new("b"));
        assert!(ledger.begin_renewal(clocks.pass(MINUTE)).is_none());
        ledger.saved(&token, clocks.0);
        ledger.see(Reading::Found(hour_long("a", &clocks)), None, clocks.0, 1.0);
        assert!(ledger.unsaved().is_none(), "not in a loop");
        let next = ledger.begin_renewal(clocks.0).expect("due");
        assert_eq!(next.access_token, Secret::new("b"));
    }

    #[test]
    fn a_spent_token_is_better_than_none_for_good() {
        let mut clocks = Clocks::new();
        let old = hour_long("a", &clocks);
        let mut ledger = with(&old, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        let new = hour_long("b", &clocks);
        ledger.settle(&old, Ok(Renewed::Granted(new)), clocks.0, 1.0);
        ledger.see(Reading::Absent, None, clocks.0, 1.0);
        ledger.see(Reading::Absent, None, clocks.pass(MINUTE), 1.0);
        ledger.see(Reading::Found(old), None, clocks.0, 1.0);
        assert_eq!(name_of(&ledger.standing(clocks.0)), "a");
    }

    #[test]
    fn a_token_that_the_portal_does_not_take_is_renewed_at_once_after_an_outage() {
        let mut clocks = Clocks::new();
        let token = hour_long("a", &clocks);
        let mut ledger = with(&token, &clocks);
        begin_when_due(&mut ledger, &mut clocks);
        for _ in 0..6 {
            let passing = Err(RenewalError::Passing("offline".to_owned()));
            ledger.settle(&token, passing, clocks.0, 1.0);
        }
        assert!(ledger.begin_renewal(clocks.pass(SECOND)).is_none());
        ledger.reject(1, "401", clocks.0, 1.0);
        assert!(ledger.begin_renewal(clocks.0).is_some());
    }
}
