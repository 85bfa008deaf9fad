//! A real browser, in which the button of the sign-in page is really clicked.

use tests::aws_cli::write_program;
use tests::clients::{CHROMIUM, are_installed};
use tests::{eventually, workspace_folder};

use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn a_click_in_a_real_browser_signs_in() {
    if !are_installed(&[CHROMIUM]) {
        return;
    }
    let Some(host) = Host::new().await else {
        return;
    };
    let clicker = workspace_folder().join("tests/clients/click_in_chromium.py");
    let script = format!(
        "#!/bin/sh\necho \"$1\" >>\"$HOME/opened\"\n(/usr/bin/python3 {} \"$1\" >\"$HOME/clicked\" 2>&1 &)\n",
        clicker.display()
    );
    write_program(&host.bin("browser"), &script);
    let _agent = host.agent().start().await;
    host.ask();
    host.is_served().await;
    assert_eq!(host.opened().len(), 1);
    // The page to which the browser came back, on the AWS CLI's own port.
    eventually("the browser has ended", async || {
        let said = std::fs::read_to_string(host.home().join("clicked"));
        said.is_ok_and(|said| said.contains("came to http://127.0.0.1:"))
    })
    .await;
}
