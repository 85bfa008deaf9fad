//! A token folder that cannot be written to. Only root may mount one; elsewhere this reports itself as
//! skipped, and fails with `REAL_CLIENTS=required`.

use tests::{Mounted, throughout};

use super::A_WHILE;
use crate::host::Host;

/// The AWS CLI would have the person sign in, and then fail.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_for_a_token_that_cannot_be_written() {
    let Some(host) = Host::new().await else {
        return;
    };
    let Some(mounted) = Mounted::over(&host.sso.token_folder()) else {
        return;
    };
    mounted.remount("ro");
    host.person_will("allow");
    let _agent = host.agent().start().await;
    host.ask();
    host.fails("Make the folder writable").await;
    throughout(A_WHILE, "no page", async || host.opened().is_empty()).await;
    assert_eq!(host.stand_ins.calls("notify-send").len(), 1);
}
