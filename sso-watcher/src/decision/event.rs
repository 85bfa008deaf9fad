//! What happens to the agent, and what it does.

use std::time::{Duration, SystemTime};

use super::request::{Request, Sight};

/// What happened. Each [`Action`] that takes time is answered by one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is time to look, and this is to be seen.
    Looked(Sight),
    /// Answers [`Action::Lock`].
    Locked(Locking),
    /// Answers [`Action::Renew`].
    Renewed(Renewal),
    /// Answers [`Action::Probe`].
    Probed(Probe),
    /// Answers [`Action::Ask`].
    Answered(Answer),
    /// Answers [`Action::LogIn`] and [`Action::Adopt`].
    LoginEnded(LoginEnd),
    /// Answers [`Action::Prove`].
    Proved(Proof),
    /// Answers [`Action::Settle`]: the lock is free.
    Settled,
    /// Answers [`Action::LookForUser`].
    UserLookedFor(Presence),
    /// The agent is to end.
    Stopping,
    /// An action broke off without an answer of its own.
    Broke(String),
}

/// What became of the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locking {
    /// It is ours.
    Ours,
    /// It is ours, and a login of a dead watcher is still running.
    Orphan,
    /// Somebody else is at it.
    Busy,
    /// It cannot be taken, and why.
    Failed(String),
}

/// What became of the silent way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The profile has role credentials: nobody has to log in.
    Works,
    /// Only a login helps.
    LoginNeeded,
    /// Try again.
    Passing(String),
    /// Neither a login nor time helps; with the cure.
    Hopeless(String),
}

/// Whether a login can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// AWS answers.
    Answers,
    /// It does not. Try again.
    Passing(String),
    /// Time does not help; with the cure.
    Hopeless(String),
}

/// What the person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Log in now.
    LogIn,
    /// Ask again later.
    Snooze(Duration),
    /// Not this time.
    NotNow,
    /// Nobody answered.
    Silence,
    /// There is no way to ask.
    CannotAsk,
}

/// How a login ended, as far as the program that made it can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginEnd {
    /// It says that it succeeded.
    Completed,
    /// Nobody completed it in time.
    Unanswered(String),
    /// The person refused it.
    Refused(String),
    /// The client registration was damaged or rejected, and is moved aside.
    RegistrationBroken(String),
    /// Its configuration is wrong; with the cure.
    Misconfigured(String),
    /// AWS could not be reached.
    Unreachable(String),
    /// Anything else.
    Failed(String),
    /// We ended it.
    Cancelled,
}

/// What shows whether there is a new login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The access token has changed, and gives role credentials.
    Works,
    /// There is no other access token than before.
    NoNewLogin,
    /// There is a new access token, and it could not be tried.
    Passing(String),
    /// There is a new access token, and this profile's role is not to be had with it; with the cure.
    Hopeless(String),
}

/// What can be seen of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Since the last input; none if that cannot be known.
    pub idle: Option<Duration>,
    /// Whether the screen is locked.
    pub is_locked: bool,
}

/// What to do. All but the notices are about the request of the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take the login lock.
    Lock(Request),
    /// Look at the token, and renew it if that helps.
    Renew(Request),
    /// See whether AWS answers, and whether it still takes our client registration.
    Probe(Request),
    /// Ask the person whether to log in now.
    Ask(Request),
    /// Run `aws sso login`.
    LogIn(Request),
    /// Wait for the login of a dead watcher.
    Adopt(Request),
    /// End the question or the login that is under way.
    Cancel,
    /// See whether there is a new login that works.
    Prove(Request),
    /// Write down how it ended, and free the lock.
    Settle(Request, Outcome),
    /// Write `last-login-at.txt`.
    NoteAttempt,
    /// Look whether the person is there.
    LookForUser,
    /// Tell the person.
    Notify(Notice),
}

/// How the work on a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A login works: the token's file is published anew, and the request removed.
    Handled,
    /// It failed: the request stays, with the reason and the time of the next attempt.
    Failed {
        /// Why, for a person.
        reason: String,
        /// Before when there is no next attempt; whole seconds.
        next_attempt_after: SystemTime,
    },
    /// Nobody asks any more. A rehearsal is removed.
    Dropped,
}

/// Something that the person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No login can be tried before this is mended.
    Fault(String),
    /// A login is needed, and nobody answered when asked.
    Waiting(Request),
}
