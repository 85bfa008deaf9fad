//! nginx, configured as somebody would who wants it to be fast.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit};
use tempfile::TempDir;

use super::{Process, Server, free_port};
use crate::failure::{Failure, While as _};
use crate::files;
use crate::origin::BUCKET;
use crate::settings;

/// Whether nginx keeps files open between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenFiles {
    /// Each request opens its file: nginx's default.
    EachTime,
    /// `open_file_cache`: it notices a changed file only after a minute, as it does not look before.
    Kept,
}

/// A running nginx.
pub(crate) struct Nginx {
    name: &'static str,
    process: Process,
    address: SocketAddr,
    /// Removed behind the process, as fields are dropped in their order.
    _folder: TempDir,
}

impl Nginx {
    /// Serves the files below `root`.
    pub(crate) fn serving(root: &Path, open_files: OpenFiles) -> Result<Self, Failure> {
        let (name, cache) = match open_files {
            OpenFiles::EachTime => ("nginx", String::new()),
            OpenFiles::Kept => ("nginx, open files kept", open_file_cache()?),
        };
        let location = format!("location / {{ root {}; {cache} }}", root.display());
        Self::start(name, |_| (String::new(), location))
    }

    /// A caching proxy (`proxy_cache`) before the bucket of an S3 at `origin`.
    pub(crate) fn caching(origin: SocketAddr) -> Result<Self, Failure> {
        Self::start("nginx", |folder| {
            let http = format!(
                // No copy from a temporary folder into the cache's: the same disk, as the proxy's staging is.
                "proxy_cache_path {cache} levels=1:2 keys_zone=artifacts:64m max_size=20g inactive=1d \
                 use_temp_path=off;\n\
                 upstream origin {{ server {origin}; keepalive 128; }}",
                cache = folder.join("cache").display(),
            );
            // Connections to the origin are kept, which takes HTTP/1.1 and no `Connection: close`. Whoever
            // waits for the lock waits as long as the download takes: by default nginx asks the origin again
            // after 5 s.
            let location = format!(
                "location / {{\n\
                 proxy_pass http://origin/{BUCKET}/;\n\
                 proxy_http_version 1.1;\n\
                 proxy_set_header Connection \"\";\n\
                 proxy_cache artifacts;\n\
                 proxy_cache_valid 200 1d;\n\
                 proxy_cache_lock on;\n\
                 proxy_cache_lock_timeout 10m;\n\
                 proxy_cache_lock_age 10m;\n\
                 }}"
            );
            (http, location)
        })
    }

    fn start(
        name: &'static str,
        parts: impl FnOnce(&Path) -> (String, String),
    ) -> Result<Self, Failure> {
        let program = settings::program("nginx")?;
        let folder = tempfile::Builder::new()
            .prefix("bench-nginx-")
            .tempdir()
            .when(|| "a folder for nginx".to_owned())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let (http, location) = parts(folder.path());
        let path = folder.path().join("nginx.conf");
        let text = configuration(folder.path(), address, &http, &location);
        files::write(&path, &[text.as_bytes()])?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&path);
        // Before it has read its configuration it would write where the distribution's nginx does.
        command.args(["-e", "stderr"]);
        let log = folder.path().join("log");
        let mut process = Process::start(name, &mut command, log)?;
        process.connect(address)?;
        Ok(Self {
            name,
            process,
            address,
            _folder: folder,
        })
    }
}

impl Server for Nginx {
    fn name(&self) -> &'static str {
        self.name
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> &Process {
        &self.process
    }
}

/// More files than any row has keys, as long as each worker may have them open besides its connections.
fn open_file_cache() -> Result<String, Failure> {
    const MORE_THAN_KEYS: u64 = 12_000;
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).when(|| "the limit of files".to_owned())?;
    let files = MORE_THAN_KEYS.min(limit / 2);
    Ok(format!(
        "open_file_cache max={files} inactive=10m; open_file_cache_valid 60s;"
    ))
}

/// The whole of `nginx.conf`. What is not said is nginx's default.
fn configuration(folder: &Path, address: SocketAddr, http: &str, location: &str) -> String {
    // Workers run as another user by default, who may not look into our folders.
    let user = if nix::unistd::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| {
        let path: PathBuf = folder.join(name);
        format!("{name}_temp_path {};\n", path.display())
    });
    format!(
        "daemon off;\n\
         {user}\n\
         pid {pid};\n\
         error_log stderr warn;\n\
         # One for each processor, as many as the proxy has.\n\
         worker_processes auto;\n\
         # 512 by default: too few for 512 clients and the connections to the origin.\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n\
         {temporary}\
         # The proxy writes no line for a hit either.\n\
         access_log off;\n\
         # Bodies go from the page cache to the socket without a copy. Not tcp_nopush: corked, an answer's last part\n\
         # waits for the client's delayed acknowledgement, which takes 40 ms (a few in 100 of 64 KiB and of cached ones).\n\
         sendfile on;\n\
         # 1000 by default, after which a client has to connect anew: a build's keep-alive shall last.\n\
         keepalive_requests 1000000;\n\
         default_type application/octet-stream;\n\
         {http}\n\
         server {{\n\
         listen {address};\n\
         {location}\n\
         }}\n\
         }}\n",
        pid = folder.join("pid").display(),
        temporary = temporary.concat(),
    )
}
