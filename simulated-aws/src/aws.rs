//! The simulated AWS as its owner sees it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::exchange::Exchange;
use crate::server::{Command, Server};
use crate::{Clock, CodeArtifact, Counters, Error, Faults, Identities, S3, Sso, Sts};

/// The region unless another is chosen.
const DEFAULT_REGION: &str = "us-west-2";

/// How to start a [`SimulatedAws`].
#[derive(Clone, Debug)]
#[must_use = "nothing serves until it is started"]
pub struct Builder {
    folder: PathBuf,
    address: SocketAddr,
    region: String,
}

impl Builder {
    /// Listens here; the default is a free port of 127.0.0.1.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The region of buckets without one of their own; the default is `us-west-2`.
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// The folder cannot be made, or the address cannot be bound.
    pub async fn start(self) -> Result<SimulatedAws, Error> {
        let folder = self.folder.clone();
        let s3 = S3::open(self.folder, &self.region)
            .map_err(|source| Error::Folder { folder, source })?;
        let (identities, clock) = (Identities::default(), Clock::default());
        let sso = Sso::new(&self.region, identities.clone(), clock.clone());
        let mut services = sso.services();
        let sts = Sts::new(sso.clone(), identities.clone(), clock.clone());
        services.push(Box::new(sts.clone()));
        let codeartifact = CodeArtifact::new(identities.clone(), clock.clone());
        services.extend(codeartifact.services());
        // S3 takes everything, so it is the last.
        services.push(Box::new(s3.service(identities.clone(), clock.clone())));
        let exchange = Arc::new(Exchange {
            services,
            faults: Faults::default(),
            counters: Counters::default(),
            clock: clock.clone(),
            requests: AtomicU64::new(0),
        });
        let port = Port::open(self.address, &exchange).await?;
        let address = port.address;
        codeartifact.set_base(format!("http://{address}"));
        Ok(SimulatedAws {
            address,
            region: self.region,
            identities,
            s3,
            sso,
            sts,
            codeartifact,
            exchange,
            port,
        })
    }
}

/// A running simulated AWS. Dropping it stops it and closes every connection.
pub struct SimulatedAws {
    address: SocketAddr,
    region: String,
    identities: Identities,
    s3: S3,
    sso: Sso,
    sts: Sts,
    codeartifact: CodeArtifact,
    exchange: Arc<Exchange>,
    port: Port,
}

impl SimulatedAws {
    /// Prepares a simulated AWS whose objects live at `folder/<bucket>/<key…>`.
    pub fn builder(folder: impl Into<PathBuf>) -> Builder {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Builder {
            folder: folder.into(),
            address,
            region: DEFAULT_REGION.to_owned(),
        }
    }

    /// The URL to give to clients, without a slash at the end.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The region of buckets without one of their own.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Who may sign.
    #[must_use]
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The buckets and objects.
    #[must_use]
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// Sign-ins, sessions and roles.
    #[must_use]
    pub fn sso(&self) -> &Sso {
        &self.sso
    }

    /// Roles, and what is asked of them.
    #[must_use]
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// Repositories of packages.
    #[must_use]
    pub fn codeartifact(&self) -> &CodeArtifact {
        &self.codeartifact
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.exchange.faults
    }

    /// What was asked.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.exchange.counters
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.exchange.clock
    }

    /// Closes the port and every connection: clients find their connections refused.
    ///
    /// # Errors
    /// The server is no longer running.
    pub async fn go_offline(&self) -> Result<(), Error> {
        self.port.ask(Command::GoOffline).await
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// Another program took the port meanwhile, or the server is no longer running.
    pub async fn go_online(&self) -> Result<(), Error> {
        self.port.ask(Command::GoOnline).await
    }

    /// Stops, and returns when every connection is closed.
    pub async fn stop(self) {
        self.port.close().await;
    }
}

/// A port that is served.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Port {
    pub(crate) async fn open(address: SocketAddr, exchange: &Arc<Exchange>) -> Result<Self, Error> {
        let server = Server::bind(address, Arc::clone(exchange)).await?;
        let address = server.address();
        let (commands, inbox) = mpsc::channel(1);
        let task = tokio::spawn(server.run(inbox));
        Ok(Self {
            address,
            commands,
            task,
        })
    }

    /// Returns when every connection is closed.
    async fn close(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.commands = closed;
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the simulated AWS did not stop in order");
        }
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Command,
    ) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        self.commands
            .send(command(done))
            .await
            .map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}
