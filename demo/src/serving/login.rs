//! What becomes of the proxy's wish for a login: the page is shown, and a person decides there.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sign_in::SignIn;
use crate::stage::Stage;
use crate::terminal::Terminal;

/// AWS is asked for the token so often, as it tells its clients.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Where the login stands that the proxy has asked for.
pub(super) enum Login {
    /// There is no signal.
    NotNeeded,
    /// The page is shown.
    Asked {
        sign_in: Box<SignIn>,
        polled: Instant,
    },
    /// Somebody signed in, and the proxy has not taken its signal back yet.
    Done,
}

impl Login {
    /// Takes the next step, if there is one.
    pub(super) async fn look(self, stage: &Stage, terminal: &Terminal) -> Result<Self, Error> {
        if stage.home.signal().is_none() {
            return Ok(Self::NotNeeded);
        }
        match self {
            Self::NotNeeded => Self::ask(stage, terminal).await,
            Self::Asked { sign_in, polled } if polled.elapsed() >= POLL_EVERY => {
                Self::poll(sign_in, stage, terminal).await
            }
            Self::Asked { .. } | Self::Done => Ok(self),
        }
    }

    async fn ask(stage: &Stage, terminal: &Terminal) -> Result<Self, Error> {
        let sign_in = SignIn::begin(&stage.aws).await?;
        terminal.doing("the proxy asks for a login: misses wait. The page to sign in at:");
        let (aws, page) = (stage.aws.endpoint_url(), sign_in.page());
        terminal.quote(&format!("{aws}{page}"));
        Ok(Self::Asked {
            sign_in: Box::new(sign_in),
            polled: Instant::now(),
        })
    }

    async fn poll(sign_in: Box<SignIn>, stage: &Stage, terminal: &Terminal) -> Result<Self, Error> {
        match sign_in.poll(stage.aws.clock().now()).await {
            Ok(Some(token)) => {
                stage.home.write_token(&token)?;
                terminal.doing("somebody signed in: what waits goes on");
                Ok(Self::Done)
            }
            Ok(None) => Ok(Self::Asked {
                sign_in,
                polled: Instant::now(),
            }),
            // Denied there, or nobody came for ten minutes.
            Err(error) => {
                terminal.failed(&error.to_string());
                Ok(Self::NotNeeded)
            }
        }
    }
}
