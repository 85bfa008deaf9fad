//! The command line, as far as it is played.

use clap::{Args, Parser, Subcommand};

/// `aws`.
#[derive(Debug, Parser)]
#[command(name = "aws", disable_help_flag = true, disable_help_subcommand = true)]
pub(super) struct Arguments {
    /// The profile; else `AWS_PROFILE`.
    #[arg(long, global = true)]
    pub(super) profile: Option<String>,
    /// Say the version, and nothing else.
    #[arg(long)]
    pub(super) version: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// The services.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Signing in.
    #[command(subcommand)]
    Sso(SsoCommand),
}

/// What is done about signing in.
#[derive(Debug, Subcommand)]
pub(super) enum SsoCommand {
    /// `aws sso login`.
    Login(LoginOptions),
}

/// How to log in.
#[derive(Args, Debug)]
pub(super) struct LoginOptions {
    /// Show the page, and let somebody else open it.
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Which every login does here.
    #[arg(long)]
    pub(super) use_device_code: bool,
}
