//! `simulated-aws`: a loopback AWS over a folder, until Ctrl-C.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use simulated_aws::{Rotation, SimulatedAws, Sso};
use tracing_subscriber::EnvFilter;

/// Serves a folder as S3 on this machine, with SSO and STS on the same port, for trying things out. Not for anyone else's data.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The folder whose folders are the buckets
    #[arg(long)]
    folder: PathBuf,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The access key that may sign
    #[arg(long, default_value = "AKIASIMULATEDAWS0000")]
    access_key: String,
    /// Its secret
    #[arg(long, default_value = "simulated-secret")]
    secret: String,
    /// The region of the buckets
    #[arg(long, default_value = "us-west-2")]
    region: String,
    /// The longest that STS's credentials live, in seconds, whatever is asked for
    #[arg(long)]
    sts_longest_life: Option<u64>,
    #[command(flatten)]
    sso: SsoArguments,
}

/// How SSO behaves.
#[derive(clap::Args)]
#[command(next_help_heading = "SSO")]
struct SsoArguments {
    /// How long access tokens live, in seconds
    #[arg(long, default_value_t = 3_600)]
    access_token_life: u64,
    /// How long a sign-in can be refreshed, in seconds
    #[arg(long, default_value_t = 28_800)]
    session_life: u64,
    /// How long role credentials live, in seconds
    #[arg(long, default_value_t = 3_600)]
    role_credentials_life: u64,
    /// A refresh leaves the old refresh token good
    #[arg(long)]
    lenient_rotation: bool,
    /// Sign in whoever opens the page, without a click
    #[arg(long)]
    approve_at_once: bool,
}

impl SsoArguments {
    fn apply(&self, sso: &Sso) {
        let rotation = if self.lenient_rotation {
            Rotation::Lenient
        } else {
            Rotation::Strict
        };
        sso.set_access_token_life(Duration::from_secs(self.access_token_life))
            .set_session_life(Duration::from_secs(self.session_life))
            .set_role_credentials_life(Duration::from_secs(self.role_credentials_life))
            .set_rotation(rotation)
            .approve_at_once(self.approve_at_once);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env();
    // s3s logs every 404 as an error.
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn,s3s=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let aws = SimulatedAws::builder(&arguments.folder)
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)))
        .region(&arguments.region)
        .start()
        .await?;
    aws.identities()
        .add_static(&arguments.access_key, &arguments.secret);
    arguments.sso.apply(aws.sso());
    aws.sts()
        .set_longest_life(arguments.sts_longest_life.map(Duration::from_secs));
    println!("export AWS_ENDPOINT_URL={}", aws.endpoint_url());
    println!("export AWS_ACCESS_KEY_ID={}", arguments.access_key);
    println!("export AWS_SECRET_ACCESS_KEY={}", arguments.secret);
    println!("export AWS_REGION={}", arguments.region);
    println!(
        "\n# Or sign in. In ~/.aws/config:\n{}",
        aws.sso().config("demo")
    );
    println!("# Then, with AWS_ENDPOINT_URL as above and no AWS_ACCESS_KEY_ID:");
    println!("#   aws sso login --profile demo");
    println!("# A script signs in with: curl --location --data decision=allow \"$URL\"");
    tokio::signal::ctrl_c().await?;
    aws.stop().await;
    Ok(())
}
