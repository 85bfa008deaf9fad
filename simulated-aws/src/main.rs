//! `simulated-aws`: a loopback AWS over a folder, until Ctrl-C.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use simulated_aws::packages::{NpmPackage, Wheel};
use simulated_aws::{CodeArtifact, Format, Rotation, SimulatedAws, Sso};
use tracing_subscriber::EnvFilter;

/// Serves a folder as S3 on this machine, with SSO, STS and CodeArtifact on the same port, for trying things out. Not for anyone else's data.
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
    /// A repository of CodeArtifact, with a small package for each of pip, npm and Maven in it; can be given more than
    /// once
    #[arg(long, value_name = "DOMAIN/OWNER/REPOSITORY", value_parser = repository)]
    repository: Vec<[String; 3]>,
    /// The longest that CodeArtifact's tokens live, in seconds, whatever is asked for
    #[arg(long)]
    token_longest_life: Option<u64>,
    #[command(flatten)]
    sso: SsoArguments,
}

/// The parts of a repository's name.
fn repository(text: &str) -> Result<[String; 3], String> {
    let parts: Vec<_> = text.split('/').map(str::to_owned).collect();
    let parts: [String; 3] = parts.try_into().map_err(|_| {
        "it must be DOMAIN/OWNER/REPOSITORY, as in acme/012345678901/tools".to_owned()
    })?;
    let owner = &parts[1];
    if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "the owner `{owner}` must be an account of 12 digits"
        ));
    }
    Ok(parts)
}

impl Arguments {
    /// Makes the repositories and says where they are.
    fn fill(&self, codeartifact: &CodeArtifact) {
        codeartifact.set_longest_token_life(self.token_longest_life.map(Duration::from_secs));
        for [domain, owner, name] in &self.repository {
            let repository = codeartifact.add_repository(domain, owner, &self.region, name);
            repository
                .put_wheel(&Wheel::new("hello-pypi", "1.0"))
                .put_npm(&NpmPackage::new("hello-npm", "1.0.0"))
                .put_maven("com/example/hello/1.0/hello-1.0.pom", HELLO_POM);
            for format in [Format::Pypi, Format::Npm, Format::Maven] {
                println!("# {format} of {name}: {}", repository.url(format));
            }
        }
    }
}

/// What stands for a package of Maven's: a pom without a jar is one.
const HELLO_POM: &str = "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>\
                         <artifactId>hello</artifactId><version>1.0</version><packaging>pom</packaging></project>\n";

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
    arguments.fill(aws.codeartifact());
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
