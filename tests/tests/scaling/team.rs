//! Real proxies behind a real HAProxy, over one simulated AWS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use simulated_aws::{Operation, SimulatedAws};
use tests::clients::{HAPROXY, are_installed};
use tests::{Certified, HaProxy, Proxy, ProxyBuilder, Scratch, eventually};
use tokio::sync::Mutex;

use crate::manifests::write;

/// Whoever keeps both cores busy takes turns.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// Fields are dropped in this order.
pub(crate) struct Team {
    pub(crate) haproxy: HaProxy,
    members: Vec<Member>,
    pub(crate) aws: SimulatedAws,
    pub(crate) scratch: Scratch,
}

/// One proxy, with a home and a cache of its own.
struct Member {
    proxy: Option<Proxy>,
    address: SocketAddr,
    scratch: Scratch,
}

/// A proxy that is not running, to be brought back.
pub(crate) struct Absent {
    number: usize,
    builder: ProxyBuilder,
}

impl Team {
    /// Three proxies as they come; `None` where there is no HAProxy.
    pub(crate) async fn new() -> Option<Self> {
        Self::with(&[], |proxy| proxy).await
    }

    /// Three proxies configured otherwise, and further variables for HAProxy.
    pub(crate) async fn with(
        variables: &[(&str, &str)],
        configure: impl Fn(ProxyBuilder) -> ProxyBuilder,
    ) -> Option<Self> {
        const PROXIES: usize = 3;
        if !are_installed(&[HAPROXY]) {
            return None;
        }
        raise_file_limit();
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        let mut members = Vec::new();
        for _ in 0..PROXIES {
            let scratch = Scratch::new();
            let builder = ProxyBuilder::new(&scratch)
                .aws(&aws)
                .env("LOG_LEVEL", "info");
            let proxy = configure(builder).start().await;
            members.push(Member {
                address: proxy.address(),
                proxy: Some(proxy),
                scratch,
            });
        }
        let addresses: Vec<_> = members.iter().map(|member| member.address).collect();
        let haproxy = HaProxy::start(scratch.path(), &addresses, variables).await;
        Some(Self {
            haproxy,
            members,
            aws,
            scratch,
        })
    }

    /// Three proxies behind TLS, and the file of the authority that vouches for it.
    pub(crate) async fn with_tls() -> Option<(Self, String)> {
        let certified = Certified::for_loopback();
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = folder.path().join("team.pem");
        write(&certificate, certified.pem());
        let certificate = certificate.display().to_string();
        let team = Self::with(&[("TLS_CERTIFICATE", &certificate)], |proxy| proxy).await?;
        let authority = team.scratch.path().join("authority.pem");
        write(&authority, certified.authority);
        Some((team, authority.display().to_string()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.haproxy.address()
    }

    /// A proxy by its number, from 1.
    pub(crate) fn proxy(&self, number: usize) -> &Proxy {
        let proxy = self.members[number - 1].proxy.as_ref();
        proxy.expect("a running proxy")
    }

    pub(crate) fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.members.len()
    }

    /// `kill -9`.
    pub(crate) fn kill_9(&mut self, number: usize) -> Absent {
        let member = &mut self.members[number - 1];
        let proxy = member.proxy.take().expect("a running proxy");
        let port = member.address.port().to_string();
        let builder = proxy.kill_9().env("PROXY_PORT", &port);
        Absent { number, builder }
    }

    /// SIGTERM, and its end.
    pub(crate) async fn stop(&mut self, number: usize) -> Absent {
        let proxy = self.members[number - 1].proxy.as_mut();
        let proxy = proxy.expect("a running proxy");
        proxy.terminate();
        let status = proxy.ended().await;
        assert!(status.success(), "{status}");
        self.kill_9(number)
    }

    /// Starts it again, on its address and over its cache, and waits until HAProxy has noticed.
    pub(crate) async fn bring_back(&mut self, absent: Absent) {
        let Absent { number, builder } = absent;
        self.members[number - 1].proxy = Some(builder.start().await);
        self.haproxy.wait_for(number, "UP").await;
    }

    /// Waits until all caches together hold so many objects.
    pub(crate) async fn holds(&self, objects: usize) {
        let folders = || self.members.iter().map(|member| member.scratch.cache());
        eventually("all is committed", async || {
            let objects_now = folders().map(|folder| files_below(&folder.join("v1/objects")));
            objects_now.sum::<usize>() >= objects
        })
        .await;
    }

    /// How often each key was asked for at S3 with GET.
    pub(crate) fn gets(&self) -> BTreeMap<String, usize> {
        let mut gets = BTreeMap::new();
        for call in self.aws.counters().log() {
            if let (Operation::GetObject, Some(key)) = (call.operation, call.key) {
                *gets.entry(key).or_default() += 1;
            }
        }
        gets
    }
}

fn files_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let entries = entries.flatten().map(|entry| entry.path());
    entries
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}

/// HAProxy refuses to start with fewer descriptors than its configuration promises.
fn raise_file_limit() {
    let limit = Resource::RLIMIT_NOFILE;
    let (_, hard) = getrlimit(limit).expect("the limit of open files");
    setrlimit(limit, hard, hard).expect("raised to what is allowed");
}
