//! `simulated-aws`: a loopback AWS over a folder, until Ctrl-C.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use simulated_aws::SimulatedAws;
use tracing_subscriber::EnvFilter;

/// Serves a folder as S3 on this machine, for trying things out. Not for anyone else's data.
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
    println!("export AWS_ENDPOINT_URL={}", aws.endpoint_url());
    println!("export AWS_ACCESS_KEY_ID={}", arguments.access_key);
    println!("export AWS_SECRET_ACCESS_KEY={}", arguments.secret);
    println!("export AWS_REGION={}", arguments.region);
    tokio::signal::ctrl_c().await?;
    aws.stop().await;
    Ok(())
}
