//! `owner.json`: who holds a lock, and that it is alive.

use serde::{Deserialize, Serialize};

use crate::nonce::{is_nonce, nonce};

/// The owner of a lock. Only `nonce` and the changing `heartbeat` decide anything: host and process
/// id are for a person, as they mean nothing across a container's boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) nonce: String,
    pub(super) host: String,
    pub(super) pid: u32,
    pub(super) heartbeat: u64,
}

impl Owner {
    /// This process, as an owner that nobody was before.
    pub(super) fn new() -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        Self {
            nonce: nonce(),
            host: host.to_string_lossy().into_owned(),
            pid: std::process::id(),
            heartbeat: 0,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        let owner = Owner::new();
        assert_eq!(Owner::parse(&owner.to_json()), Some(owner.clone()));
        assert_ne!(owner.nonce, Owner::new().nonce);
        let evil = Owner {
            nonce: "../../x".to_owned(),
            ..owner
        };
        assert_eq!(Owner::parse(&evil.to_json()), None);
        assert_eq!(Owner::parse(b""), None);
    }
}
