//! The proxy and nginx, both as caches before one origin.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, While as _};
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

/// What it takes to create a file where both have their caches: the median of some.
///
/// Each miss creates one. On an ext4 where many files were removed a moment ago it can take a millisecond, as the
/// kernel passes over their inodes.
pub(super) fn creating_a_file() -> Result<Duration, Failure> {
    const FILES: usize = 51;
    let folder = tempfile::Builder::new()
        .prefix("bench-files-")
        .tempdir()
        .when(|| "a folder for files".to_owned())?;
    let mut times = Vec::with_capacity(FILES);
    for number in 0..FILES {
        let path = folder.path().join(number.to_string());
        let begun = Instant::now();
        File::create_new(&path).when(|| format!("creating {}", path.display()))?;
        times.push(begun.elapsed());
    }
    Ok(median(times))
}

/// The upper one of two in the middle; nothing of nothing.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let times = [5, 1, 100, 2].map(Duration::from_millis);
        assert_eq!(median(times[..3].to_vec()), Duration::from_millis(5));
        assert_eq!(median(times.to_vec()), Duration::from_millis(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
