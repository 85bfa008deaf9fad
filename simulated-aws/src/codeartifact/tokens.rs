//! Authorization tokens: who has one, for what, until when.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::place::Domain;
use crate::random;

/// What every token begins with: the real ones are encrypted JSON, with a header that is none of a secret.
const BEGIN: &str = "eyJ2ZXIiOjEsImlzdSI6MTcwMDAwMDAwMCwiZW5jIjoiQTEyOEdDTSIsInRhZyI6Im5vbmUifQ";

/// The length of what follows, in its three parts: about that of the real ones.
const PARTS: [usize; 3] = [24, 900, 86];

/// A token that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The secret.
    pub token: String,
    /// The access key that asked for it.
    pub access_key_id: String,
    /// The ARN of whoever asked for it.
    pub principal: String,
    /// When it was given out.
    pub issued: SystemTime,
    /// When it ends.
    pub expires: SystemTime,
    pub(super) domain: Domain,
    pub(super) is_revoked: bool,
}

/// Why a token is refused. It is all one to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing,
    Unknown,
    Expired,
    OfAnotherDomain,
}

impl Refusal {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Missing => "Unauthenticated: the request must carry an authorization token",
            Self::Unknown => "Unauthenticated: the authorization token is invalid",
            Self::Expired => "Unauthenticated: the authorization token has expired",
            Self::OfAnotherDomain => {
                "Unauthenticated: the authorization token is not of this domain"
            }
        }
    }
}

/// All tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_secret: HashMap<String, IssuedToken>,
    pub(super) longest_life: Option<Duration>,
}

impl Tokens {
    pub(super) fn issue(
        &mut self,
        domain: Domain,
        access_key_id: &str,
        principal: &str,
        now: SystemTime,
        life: Duration,
    ) -> IssuedToken {
        let life = self.longest_life.map_or(life, |longest| longest.min(life));
        let parts = PARTS.map(|length| random::text(".", length));
        let issued = IssuedToken {
            token: format!("{BEGIN}{}", parts.concat()),
            access_key_id: access_key_id.to_owned(),
            principal: principal.to_owned(),
            issued: now,
            expires: now.checked_add(life).unwrap_or(now),
            domain,
            is_revoked: false,
        };
        self.by_secret.insert(issued.token.clone(), issued.clone());
        issued
    }

    pub(super) fn judge(
        &self,
        token: Option<&str>,
        domain: &Domain,
        now: SystemTime,
    ) -> Result<&IssuedToken, Refusal> {
        let token = token.ok_or(Refusal::Missing)?;
        let issued = self.by_secret.get(token).ok_or(Refusal::Unknown)?;
        if issued.is_revoked || issued.expires <= now {
            Err(Refusal::Expired)
        } else if issued.domain != *domain {
            Err(Refusal::OfAnotherDomain)
        } else {
            Ok(issued)
        }
    }

    pub(super) fn get(&self, token: &str) -> Option<&IssuedToken> {
        self.by_secret.get(token)
    }

    pub(super) fn revoke_all(&mut self) {
        for issued in self.by_secret.values_mut() {
            issued.is_revoked = true;
        }
    }

    /// The oldest first.
    pub(super) fn all(&self) -> Vec<IssuedToken> {
        let mut all: Vec<_> = self.by_secret.values().cloned().collect();
        all.sort_by_key(|issued| issued.issued);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_in_its_domain_until_its_end() {
        let mut tokens = Tokens::default();
        let domain = Domain::new("acme", "012345678901", "us-west-2");
        let now = SystemTime::UNIX_EPOCH;
        let life = Duration::from_hours(1);
        let issued = tokens.issue(domain.clone(), "AKIA1", "arn", now, life);
        let token = Some(issued.token.as_str());
        assert!((1_000..1_200).contains(&issued.token.len()));
        assert_eq!(tokens.judge(token, &domain, now), Ok(&issued));
        let other = Domain::new("acme", "012345678901", "eu-west-1");
        assert_eq!(
            tokens.judge(token, &other, now),
            Err(Refusal::OfAnotherDomain)
        );
        assert_eq!(
            tokens.judge(token, &domain, now + life),
            Err(Refusal::Expired)
        );
        assert_eq!(tokens.judge(None, &domain, now), Err(Refusal::Missing));
        tokens.revoke_all();
        assert_eq!(
            tokens.judge(Some(&issued.token), &domain, now),
            Err(Refusal::Expired)
        );
    }
}
