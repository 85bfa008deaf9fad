//! Which roles have rules, and what was asked of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::partition;
use super::request::{AssumeRole, Form, invalid};
use crate::principal::Principal;
use crate::service::ErrorAnswer;

/// A role that is assumed with another role's credentials is given for so long at most.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html> (role chaining)
const LONGEST_CHAINED: Duration = Duration::from_hours(1);

/// What a role asks of those who assume it. A role without rules may be assumed by anyone, for 12 h.
#[derive(Clone, Debug, Default)]
#[must_use = "a rule does nothing until it is set"]
pub struct RoleRules {
    external_id: Option<String>,
    source_identity: Option<String>,
    longest: Option<Duration>,
    mfa: Option<(String, String)>,
    callers: Option<Vec<String>>,
}

impl RoleRules {
    /// No rules yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only with this `ExternalId`.
    pub fn external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    /// Only with this `SourceIdentity`.
    pub fn source_identity(mut self, identity: &str) -> Self {
        self.source_identity = Some(identity.to_owned());
        self
    }

    /// For so long at most: the role's maximum session duration.
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = Some(longest);
        self
    }

    /// Only with this device's code, which is good for one call.
    pub fn mfa(mut self, serial_number: &str, token_code: &str) -> Self {
        self.mfa = Some((serial_number.to_owned(), token_code.to_owned()));
        self
    }

    /// Only by principals whose ARN begins so; can be given more than once.
    pub fn caller(mut self, arn_prefix: &str) -> Self {
        let callers = self.callers.get_or_insert_default();
        callers.push(arn_prefix.to_owned());
        self
    }
}

/// What one call asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedRole {
    /// As they were sent: `ExternalId`, `Tags.member.1.Key`, and so on.
    pub parameters: BTreeMap<String, String>,
    /// The region that the request was signed for.
    pub region: String,
    /// The ARN of the caller.
    pub caller: String,
}

/// All that STS knows of roles. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    rules: HashMap<String, RoleRules>,
    spent_codes: HashSet<(String, String)>,
    asked: HashMap<String, AskedRole>,
}

impl Roles {
    pub(super) fn set_rules(&self, role_arn: &str, rules: RoleRules) {
        self.lock().rules.insert(role_arn.to_owned(), rules);
    }

    pub(super) fn remove_rules(&self, role_arn: &str) {
        self.lock().rules.remove(role_arn);
    }

    pub(super) fn asked(&self, role_arn: &str) -> Option<AskedRole> {
        self.lock().asked.get(role_arn).cloned()
    }

    /// Keeps what was asked, also where it is refused then.
    pub(super) fn note(&self, form: &Form, region: &str, caller: &Principal) {
        if let Some(role_arn) = form.get("RoleArn") {
            let asked = AskedRole {
                parameters: form.clone(),
                region: region.to_owned(),
                caller: caller.arn.clone(),
            };
            self.lock().asked.insert(role_arn.clone(), asked);
        }
    }

    /// Whether the caller may have the role as it asks for it.
    pub(super) fn admit(
        &self,
        asked: &AssumeRole,
        region: &str,
        caller: &Principal,
    ) -> Result<(), ErrorAnswer> {
        let mut known = self.lock();
        let role_arn = &asked.arn.text;
        let rules = known.rules.get(role_arn).cloned().unwrap_or_default();
        let fits = |rule: &Option<String>, said: &Option<String>| rule.is_none() || rule == said;
        let is_trusted = rules.callers.as_ref().is_none_or(|callers| {
            callers
                .iter()
                .any(|prefix| caller.arn.starts_with(prefix.as_str()))
        });
        if partition::of_region(region) != asked.arn.partition
            || !is_trusted
            || !fits(&rules.external_id, &asked.external_id)
            || !fits(&rules.source_identity, &asked.source_identity)
            || (rules.mfa.is_some() && asked.mfa.is_none())
        {
            return Err(denied(&format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn
            )));
        }
        if caller.is_role_session() && asked.life > LONGEST_CHAINED {
            return Err(invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
                 chaining",
            ));
        }
        if rules.longest.is_some_and(|longest| asked.life > longest) {
            return Err(invalid(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        if let (Some(device), Some(said)) = (rules.mfa, &asked.mfa)
            && (device != *said || !known.spent_codes.insert(device))
        {
            return Err(denied(
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            ));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn denied(message: &str) -> ErrorAnswer {
    ErrorAnswer::new(403, "AccessDenied", message)
}
