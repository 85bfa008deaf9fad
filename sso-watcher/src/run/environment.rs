//! The variables that a program is started with.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A whole environment, as a value: nothing else is inherited. It holds no empty variable, as some
/// programs take one for a value (an empty `AWS_CA_BUNDLE` stops the AWS CLI).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's own.
    #[must_use]
    pub fn inherited() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a variable that is set, if it is text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.get_os(name)?.to_str().map(str::to_owned)
    }

    /// The value of a variable that is set.
    #[must_use]
    pub fn get_os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// This with one variable more, or with another value of it; an empty value removes it.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        if value.is_empty() {
            self.0.remove(OsStr::new(name));
        } else {
            self.0.insert(name.into(), value);
        }
        self
    }

    /// This without the variables whose names begin so.
    #[must_use]
    pub fn without_prefix(mut self, prefix: &str) -> Self {
        self.0
            .retain(|name, _| !name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        self
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(variables.filter(|(_, value)| !value.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_not_there() {
        let environment: Environment = [("AWS_CA_BUNDLE", ""), ("HOME", "/home/x")]
            .into_iter()
            .collect();
        assert_eq!(environment.get("AWS_CA_BUNDLE"), None);
        assert_eq!(environment.get("HOME").as_deref(), Some("/home/x"));
        let environment = environment.with("HOME", "").with("LANG", "C");
        assert_eq!(environment.iter().count(), 1);
    }

    #[test]
    fn variables_go_by_their_prefix() {
        let environment: Environment = [("SSO_WATCHER_AGENT", "1"), ("SSO_STATE_DIR", "/x")]
            .into_iter()
            .collect();
        let environment = environment.without_prefix("SSO_WATCHER_");
        assert_eq!(environment.get("SSO_WATCHER_AGENT"), None);
        assert!(environment.get("SSO_STATE_DIR").is_some());
    }
}
