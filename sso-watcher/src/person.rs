//! The person, with all the ways to reach them from here.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::aws_cli::login::Flow;
use crate::decision::{Answer, Presence};
use crate::desktop::notification::Notifier;
use crate::desktop::question::Question;
use crate::desktop::{Absence, Desktop, presence, terminals};
use crate::platform::Platform;
use crate::run::Environment;

/// Whoever sits at this machine; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    platform: Platform,
    environment: Environment,
    desktop: Desktop,
    notifier: Arc<Notifier>,
}

impl Person {
    pub(crate) fn new(platform: Platform, environment: &Environment) -> Self {
        Self {
            platform,
            environment: environment.clone(),
            desktop: Desktop::from_vars(platform, &|name| environment.get(name)),
            notifier: Arc::new(Notifier::new(platform, environment.clone())),
        }
    }

    pub(crate) fn platform(&self) -> Platform {
        self.platform
    }

    /// Why no browser can be opened in front of them, if none can.
    pub(crate) fn absence(&self) -> Option<Absence> {
        match self.desktop {
            Desktop::Here => None,
            Desktop::Absent(why) => Some(why),
        }
    }

    /// How they sign in.
    pub(crate) fn login_flow(&self) -> Flow {
        match self.desktop {
            Desktop::Here => Flow::Browser,
            Desktop::Absent(_) => Flow::DeviceCode,
        }
    }

    /// Tells them: on the desktop, and where there is none, on their terminals.
    pub(crate) async fn tell(&self, title: &str, text: &str) {
        if self.absence().is_none() {
            return self.notifier.notify(title, text).await;
        }
        let text = format!("{title}\n{text}");
        match tokio::task::spawn_blocking(move || terminals::show(&text)).await {
            Ok(0) => info!("nobody has a terminal open that takes messages"),
            Ok(_) => {}
            Err(error) => warn!(%error, "nothing can be shown on terminals"),
        }
    }

    pub(crate) async fn ask(&self, question: &Question, limit: Duration) -> Answer {
        question.ask(self.platform, &self.environment, limit).await
    }

    pub(crate) async fn look_for(&self) -> Presence {
        presence::look(self.platform, &self.environment).await
    }
}
