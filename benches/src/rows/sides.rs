//! The proxy and nginx, both as caches before one origin.

use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::http::Connection;
use crate::origin::{BUCKET, Content, Origin};
use crate::servers::{Nginx, Proxy, ProxyBuilder, Server};
use crate::settings::Settings;

/// How long an object may take from its last byte to the disk.
const CACHED_WITHIN: Duration = Duration::from_mins(1);

/// What a miss goes through; caches first, so that they end before their origin does.
pub(super) struct Sides {
    pub(super) proxy: Proxy,
    pub(super) nginx: Nginx,
    pub(super) origin: Origin,
}

impl Sides {
    /// Starts all three, with nothing cached.
    pub(super) fn start(settings: &Settings) -> Result<Self, Failure> {
        let origin = Origin::start()?;
        let sides = Self {
            proxy: ProxyBuilder::new(&settings.proxy, origin.address()).start()?,
            nginx: Nginx::caching(origin.address())?,
            origin,
        };
        sides.compare_with_origin()?;
        Ok(sides)
    }

    /// Both have to give what the origin has, at first and from the cache: who does not is not measured.
    fn compare_with_origin(&self) -> Result<(), Failure> {
        // Beyond a client's buffer, and no multiple of anybody's block.
        let content = Content::random(1_000_003, 0);
        let key = "org/example/compared/1/compared-1.jar";
        self.origin.put(key, &content);
        let servers: [&dyn Server; 2] = [&self.proxy, &self.nginx];
        for server in servers {
            let mut connection = Connection::open(server.address())?;
            for answer in ["first", "second"] {
                if connection.read(&format!("/{key}"))? != content.bytes()[..] {
                    let name = server.name();
                    let wrong = format!("{name}'s {answer} answer is not what the origin has");
                    return Err(Failure::new(wrong));
                }
            }
        }
        Ok(())
    }

    /// Waits until the proxy has the object on disk, so that this takes nothing from what is measured next.
    ///
    /// nginx does not sync what it caches: its writes go to the disk whenever the kernel thinks fit.
    pub(super) fn settle(&self, key: &str) -> Result<(), Failure> {
        let mut connection = Connection::open(self.proxy.address())?;
        let deadline = Instant::now() + CACHED_WITHIN;
        loop {
            let answered = connection.head(&format!("/{key}"))?;
            let status = answered.cache_status.unwrap_or_default();
            if status.split(';').any(|part| part.trim() == "hit") {
                return Ok(());
            }
            if Instant::now() > deadline {
                let text = format!("the proxy has not cached {key}: it says {status}");
                return Err(Failure::new(text));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Where the origin has a key.
pub(super) fn origin_path(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}

/// The key of the `number`th jar of a case: nobody has asked for it before.
pub(super) fn jar(case: &str, number: usize) -> String {
    format!("org/example/{case}/{number}/{case}-{number}.jar")
}
