//! The real boto3: one process that lives on, in a home that it shares with the proxy.

use std::process::Stdio;
use std::time::Duration;

use tests::{within, workspace_folder};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::clients::clients_folder;
use crate::shared_home::{PROFILE, SharedHome};
use tests::commands::client;

/// No answer takes longer, on a busy machine either.
const LIMIT: Duration = Duration::from_mins(1);

/// `tests/clients/boto3_session.py`; killed when dropped.
pub(crate) struct Boto3 {
    _child: Child,
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

/// What came of boto3's look at its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Renewed,
    /// It was not due.
    Kept,
    /// Somebody else had spent the refresh token.
    Refused,
}

impl Boto3 {
    pub(crate) fn start(home: &SharedHome<'_>) -> Self {
        let script = workspace_folder().join("tests/clients/boto3_session.py");
        let mut command = client("/usr/bin/python3", &home.path());
        command
            .arg(script)
            .arg(PROFILE)
            .env("PYTHONPATH", clients_folder().join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_ENDPOINT_URL", home.endpoint_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let asks = child.stdin.take().expect("piped");
        let says = child.stdout.take().expect("piped");
        Self {
            _child: child,
            asks,
            says: BufReader::new(says).lines(),
        }
    }

    async fn ask(&mut self, what: &str) -> String {
        let line = format!("{what}\n");
        let answer = async {
            self.asks.write_all(line.as_bytes()).await.expect("asked");
            self.says.next_line().await.expect("a line")
        };
        within(LIMIT, what, answer).await.expect("an answer")
    }

    /// Asks AWS who the profile is, for which boto3 needs the token.
    pub(crate) async fn ask_who_it_is(&mut self) {
        let caller = self.ask("identity").await;
        assert!(caller.contains("AWSReservedSSO_Developer_"), "{caller}");
    }

    /// Has it look at the token, and renew one of less than 15 minutes.
    pub(crate) async fn renew(&mut self) -> Look {
        match self.ask("renew").await.as_str() {
            "renewed" => Look::Renewed,
            "kept" => Look::Kept,
            "refused" => Look::Refused,
            other => panic!("{other}"),
        }
    }
}
