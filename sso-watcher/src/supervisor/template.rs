//! The agent's file for each system: a template of the repository, built in, and the escaping of its
//! format. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use tera::{Context, Tera};

use super::agent_file::{AgentFile, Unwritable};
use super::{LABEL, STOP_SECONDS, SupervisorError};
use crate::platform::Platform;

const PLIST: &str = include_str!("../../../launchd/com.bazel.sso-watcher.plist");
const UNIT: &str = include_str!("../../../systemd/sso-watcher.service");

/// What systemd starts the agent with, and stops it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The desktop's session: variables such as `DISPLAY` are there.
    GraphicalSession,
    /// Any login, for hosts that are reached by SSH only.
    Default,
}

impl Target {
    /// The unit's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GraphicalSession => "graphical-session.target",
            Self::Default => "default.target",
        }
    }
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    value: &'a str,
}

/// launchd's property list.
pub(super) fn plist(file: &AgentFile) -> Result<String, SupervisorError> {
    let mut context = context(file, Platform::MacOs)?;
    context.insert("label", LABEL);
    context.insert("error_log", &file.error_log_text()?);
    render(PLIST, &context, escape_xml)
}

/// systemd's unit.
pub(super) fn unit(file: &AgentFile, target: Target) -> Result<String, SupervisorError> {
    let mut context = context(file, Platform::Linux)?;
    context.insert("target", target.name());
    render(UNIT, &context, escape_quoted)
}

fn context(file: &AgentFile, platform: Platform) -> Result<Context, Unwritable> {
    let environment: BTreeMap<_, _> = file.environment()?;
    let variables = environment.into_iter();
    let variables: Vec<_> = variables
        .map(|(name, value)| Variable { name, value })
        .collect();
    let mut context = Context::new();
    context.insert("program", file.program(platform)?);
    context.insert("variables", &variables);
    context.insert("stop_seconds", &STOP_SECONDS);
    Ok(context)
}

fn render(
    template: &str,
    context: &Context,
    escape: fn(&str) -> String,
) -> Result<String, SupervisorError> {
    const NAME: &str = "agent";
    let mut tera = Tera::default();
    tera.set_escape_fn(escape);
    // tera escapes by the ending of a template's name, and by default in HTML only.
    tera.autoescape_on(vec![NAME]);
    tera.add_raw_template(NAME, template)?;
    Ok(tera.render(NAME, context)?)
}

fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// For systemd's double quotes (systemd.syntax(7)), where `%` begins a specifier (systemd.unit(5)). `$`
/// means nothing in `Environment=`, and nothing after the colon of `ExecStart=:`.
fn escape_quoted(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            '%' => escaped.push_str("%%"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file(program: &str) -> AgentFile {
        let variables = [
            ("AWS_PROFILE", "team \"a\" & 'b'"),
            (
                "HTTPS_PROXY",
                "http://user:50%25$HOME@proxy.example:3128/\\",
            ),
            ("SSO_STATE_DIR", "/Users/Jo Bloggs/<state>"),
        ];
        AgentFile {
            program: PathBuf::from(program),
            variables: variables.map(|(n, v)| (n.into(), v.into())).into(),
            search_path: AgentFile::search_path(Some("/Users/Jo Bloggs/R&D/bin/aws".as_ref())),
            log: PathBuf::from("/Users/Jo Bloggs/Library/Logs/sso-watcher.log"),
        }
    }

    #[test]
    fn a_plist_holds_spaces_quotes_and_ampersands() {
        let rendered = plist(&file("/Users/Jo Bloggs/R&D/\"it's\"/sso-watcher"));
        let plist = rendered.expect("rendered");
        assert!(plist.starts_with("<?xml"), "nothing may precede that");
        insta::assert_snapshot!(plist);
    }

    #[test]
    fn a_unit_holds_spaces_quotes_and_percent_signs() {
        let file = file("/home/Jo Bloggs/R&D $x 100%/sso-watcher");
        let unit = unit(&file, Target::GraphicalSession).expect("rendered");
        insta::assert_snapshot!(unit);
    }

    #[test]
    fn a_unit_without_a_desktop_begins_with_any_login() {
        let unit = unit(&file("/home/jo/sso-watcher"), Target::Default).expect("rendered");
        assert!(unit.contains("WantedBy=default.target\n"), "{unit}");
        assert!(!unit.contains("graphical"), "{unit}");
    }

    #[test]
    fn what_does_not_fit_into_a_file_is_refused_by_name_and_without_its_value() {
        let refused = |change: fn(&mut AgentFile), platform| {
            let mut file = file("/bin/sso-watcher");
            change(&mut file);
            let outcome = match platform {
                Platform::MacOs => plist(&file),
                Platform::Linux => unit(&file, Target::Default),
            };
            outcome.expect_err("refused").to_string()
        };
        let line_break = |file: &mut AgentFile| {
            let value = "secret\nExecStart=/bin/evil";
            file.variables.insert("HTTPS_PROXY".into(), value.into());
        };
        let name = |file: &mut AgentFile| {
            file.variables.insert("A B".into(), String::new());
        };
        let relative = |file: &mut AgentFile| file.program = "sso-watcher".into();
        let quote = |file: &mut AgentFile| file.program = "/o'brien/sso-watcher".into();
        let log = |file: &mut AgentFile| file.log = "/x\u{1}/y.log".into();
        let texts = [
            refused(line_break, Platform::MacOs),
            refused(line_break, Platform::Linux),
            refused(name, Platform::Linux),
            refused(relative, Platform::MacOs),
            refused(quote, Platform::Linux),
            refused(log, Platform::MacOs),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }
}
