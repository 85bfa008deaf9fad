//! `login.lock/owner.json`: who holds the lock, and which login runs under it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::nonce::{is_nonce, nonce};
use crate::process::{self, ProcessGroup, boot_id};

/// A login under way, as a successor needs to know it: to end it, or to see what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningLogin {
    /// The processes that log in.
    #[serde(rename = "processGroup")]
    pub group: ProcessGroup,
    /// The profile that they log in with.
    pub profile: String,
    /// [`Token::fingerprint`](crate::token::Token::fingerprint) of the token that was there before, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_before: Option<String>,
    /// When it has to be over; in the file, whole seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub deadline: Option<SystemTime>,
}

/// One holder of the lock. Nobody was it before, and nobody will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owner {
    pub(super) nonce: String,
    pub(super) host: String,
    /// The host's boot, without which a process id means nothing.
    pub(super) boot: String,
    pub(super) pid: u32,
    /// When the process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<String>,
    /// Since when it holds the lock, by the clock of the lock's file system.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub(super) since: Option<SystemTime>,
    /// Counts up while the holder lives.
    pub(super) heartbeat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<RunningLogin>,
}

impl Owner {
    /// This process, taking a lock anew.
    pub(super) fn new() -> Self {
        let pid = std::process::id();
        Self {
            nonce: nonce(),
            host: host(),
            boot: boot_id(),
            pid,
            started: process::started(pid),
            since: None,
            heartbeat: 0,
            login: None,
        }
    }

    /// Reads an owner; its nonce can be part of a path.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let owner: Self = serde_json::from_slice(bytes).ok()?;
        is_nonce(&owner.nonce).then_some(owner)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether both run, or ran, on one host. Names of hosts may change with the network, and boots change
    /// with every start.
    pub(super) fn is_of_this_host(&self) -> bool {
        (!self.boot.is_empty() && self.boot == boot_id()) || self.host == host()
    }

    /// Whether it is known to be dead: for a person only, as a guard that is free says it better.
    pub(super) fn is_gone(&self) -> bool {
        let is_another_process = || process::started(self.pid) != self.started;
        self.is_of_this_host() && (!process::is_this_boot(&self.boot) || is_another_process())
    }

    /// The login that runs under it, though its holder may be dead.
    pub(super) fn living_login(&self) -> Option<&RunningLogin> {
        let login = self.login.as_ref();
        login.filter(|login| login.group.is_alive())
    }
}

fn host() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    host.to_string_lossy().into_owned()
}

/// Times as whole seconds since 1970.
mod seconds {
    use std::time::SystemTime;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::date;

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(date::epoch_seconds).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let seconds = Option::<i64>::deserialize(deserializer)?;
        Ok(seconds.and_then(date::from_epoch_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    const GOLDEN: &str = r#"{"nonce":"000102030405060708090a0b0c0d0e0f","host":"laptop","boot":"b","pid":4711,"started":"123","since":1767323045,"heartbeat":3,"login":{"processGroup":{"id":4712,"leaderStarted":"124","boot":"b"},"profile":"dev","tokenBefore":"86f7e437faa5a7fc","deadline":1767323225}}"#;

    fn owner() -> Owner {
        Owner {
            nonce: "000102030405060708090a0b0c0d0e0f".to_owned(),
            host: "laptop".to_owned(),
            boot: "b".to_owned(),
            pid: 4711,
            started: Some("123".to_owned()),
            since: date::from_epoch_seconds(1_767_323_045),
            heartbeat: 3,
            login: Some(RunningLogin {
                group: ProcessGroup {
                    id: 4712,
                    leader_started: Some("124".to_owned()),
                    boot: "b".to_owned(),
                },
                profile: "dev".to_owned(),
                token_before: Some("86f7e437faa5a7fc".to_owned()),
                deadline: date::from_epoch_seconds(1_767_323_225),
            }),
        }
    }

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        let owner = owner();
        assert_eq!(String::from_utf8(owner.to_json()).as_deref(), Ok(GOLDEN));
        assert_eq!(Owner::parse(GOLDEN.as_bytes()), Some(owner));
        let new = Owner::new();
        assert_eq!(Owner::parse(&new.to_json()), Some(new));
    }

    #[test]
    fn what_is_no_owner_is_none() {
        let evil = GOLDEN.replace("000102030405060708090a0b0c0d0e0f", "../../x");
        for json in ["", "{}", "[]", &GOLDEN[..99], &evil] {
            assert_eq!(Owner::parse(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn a_host_is_known_by_its_boot_and_by_its_name() {
        let here = Owner::new();
        assert!(here.is_of_this_host() && !here.is_gone());
        let renamed = Owner {
            host: "another-network".to_owned(),
            ..here.clone()
        };
        assert!(renamed.is_of_this_host() && !renamed.is_gone());
        let rebooted = Owner {
            boot: "b".to_owned(),
            ..here.clone()
        };
        assert!(rebooted.is_of_this_host() && rebooted.is_gone());
        let reused = Owner {
            started: Some("1".to_owned()),
            ..here
        };
        assert!(reused.is_gone());
        let elsewhere = owner();
        assert!(!elsewhere.is_of_this_host() && !elsewhere.is_gone());
    }
}
