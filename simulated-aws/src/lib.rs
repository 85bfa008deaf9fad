//! A loopback AWS over a folder, with faults on demand.
//!
//! Tests and the demo point real AWS clients at it. It verifies signatures and session tokens, keeps
//! the books on every request, and breaks in the ways a network and a cloud break: slow bodies, resets
//! in the middle of a file, throttling, expired credentials, a clock that is off.
//!
//! * [`SimulatedAws`] is the running server; dropping it closes every connection.
//! * [`Identities`] says who may sign, [`Faults`] what goes wrong, [`Counters`] what was asked.
//! * [`S3`] puts objects into the folder. An existing tree at `folder/<bucket>` is a bucket as it is.
//! * [`Sso`] signs people in and ends their sessions; [`Sts`] knows roles by rules, and what was asked of them.
//! * [`CodeArtifact`] has [repositories](Repository) of [`packages`]; a [`PublicIndex`] stands in for the world's.
//! * [`aws_cli`] stands in for the AWS CLI on a machine without one.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use simulated_aws::{Fault, Operation, SimulatedAws};
//!
//! let aws = SimulatedAws::builder("/tmp/buckets").start().await?;
//! aws.identities().add_static("AKIAEXAMPLE", "secret");
//! aws.s3().put("artifacts", "a/b.jar", b"bytes")?;
//! aws.faults().add(
//!     Fault::on(Operation::GetObject).key("a/b.jar").times(1).respond(503, "SlowDown"),
//! );
//! # Ok(())
//! # }
//! ```
//!
//! The HTTP side, the faults and the counters know nothing of S3 or SSO: a service is a
//! `service::Service` behind the same `exchange`, and one port serves them all.

mod aws;
pub mod aws_cli;
mod body;
mod clock;
mod codeartifact;
mod connection;
mod counters;
mod credential;
mod error;
mod exchange;
mod faults;
mod identities;
mod operation;
pub mod packages;
mod principal;
mod public_index;
mod random;
mod role_credentials;
mod s3;
mod server;
mod service;
mod signature;
mod sso;
mod sts;
mod xml;

pub use aws::{Builder, SimulatedAws};
pub use clock::Clock;
pub use codeartifact::{CodeArtifact, Format, IssuedToken, Links, Origin, Repository, Restriction};
pub use counters::{Call, Counters, RequestHead};
pub use error::Error;
pub use faults::{Fault, FaultId, Faults};
pub use identities::Identities;
pub use operation::{Action, Operation};
pub use public_index::PublicIndex;
pub use s3::{ChecksumAlgorithm, ObjectAttributes, S3, WrongRegion};
pub use sso::{Login, Rotation, Sso};
pub use sts::{AskedRole, RoleRules, Sts};
