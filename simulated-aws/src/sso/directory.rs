//! Which roles the person has, in which accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::principal::DEFAULT_ACCOUNT;

/// The role everyone starts with.
pub(super) const DEFAULT_ROLE: &str = "Developer";

/// Accounts and the roles assigned in them.
#[derive(Debug)]
pub(crate) struct Directory {
    accounts: BTreeMap<String, BTreeSet<String>>,
}

impl Default for Directory {
    fn default() -> Self {
        let mut directory = Self {
            accounts: BTreeMap::new(),
        };
        directory.assign(DEFAULT_ACCOUNT, DEFAULT_ROLE);
        directory
    }
}

impl Directory {
    pub(crate) fn assign(&mut self, account_id: &str, role_name: &str) {
        let roles = self.accounts.entry(account_id.to_owned()).or_default();
        roles.insert(role_name.to_owned());
    }

    pub(crate) fn unassign(&mut self, account_id: &str, role_name: &str) {
        if let Some(roles) = self.accounts.get_mut(account_id) {
            roles.remove(role_name);
        }
    }

    /// The accounts with a role to take.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &str> {
        let assigned = self.accounts.iter().filter(|(_, roles)| !roles.is_empty());
        assigned.map(|(account_id, _)| account_id.as_str())
    }

    /// The roles in an account; `None` if there is no such account.
    pub(crate) fn roles(&self, account_id: &str) -> Option<&BTreeSet<String>> {
        self.accounts.get(account_id)
    }
}
