//! What happens to the container, one after the other.

use std::fmt;
use std::time::Duration;

use simulated_aws::Fault;
use tokio::time::sleep;

use crate::container::Container;
use crate::house::House;
use crate::volume::FullVolume;

/// How long the network or its answers are away: less than the proxy goes on trying.
const AWAY: Duration = Duration::from_secs(5);
/// How long the disk is full.
const FULL: Duration = Duration::from_secs(6);

/// A kind of trouble.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    SessionEnds,
    NetworkCut,
    ConfigurationEdited,
    VolumeFilled,
    AnswersStop,
}

/// All of them, in their turn.
pub(super) const TROUBLES: [Trouble; 5] = [
    Trouble::SessionEnds,
    Trouble::NetworkCut,
    Trouble::ConfigurationEdited,
    Trouble::VolumeFilled,
    Trouble::AnswersStop,
];

impl Trouble {
    /// Makes it, and returns when it is over.
    pub(super) async fn make(self, house: &House, container: &Container) {
        let aws = &house.sso.aws;
        match self {
            Self::SessionEnds => {
                aws.sso().end_sessions();
                aws.sso().expire_role_credentials();
                house.sso.signalled().await;
                house.sso.unsignalled().await;
            }
            Self::NetworkCut => {
                aws.go_offline().await.expect("offline");
                sleep(AWAY).await;
                aws.go_online().await.expect("online");
            }
            Self::ConfigurationEdited => {
                aws.sso().assign("123456789012", "Reader");
                let config = house.sso.config();
                house
                    .write_config(&config.replace("Developer", "Reader"))
                    .await;
                sleep(AWAY).await;
                house.write_config(&config).await;
            }
            Self::VolumeFilled => {
                let full = FullVolume::of(container).await;
                sleep(FULL).await;
                full.free();
            }
            Self::AnswersStop => {
                let fault = aws.faults().add(Fault::any().hang());
                sleep(AWAY).await;
                aws.faults().remove(fault);
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionEnds => "the session ends, and the agent logs in",
            Self::NetworkCut => "AWS refuses connections for 5 s",
            Self::ConfigurationEdited => "~/.aws/config names another role for 5 s",
            Self::VolumeFilled => "the disk is full for 6 s",
            Self::AnswersStop => "AWS answers nothing for 5 s",
        })
    }
}
