//! Everything that is wrong with a configuration, told together.

use std::fmt;

/// One fault: which variable, what is wrong with its value, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong; never a secret.
    pub problem: String,
    /// What to write instead.
    pub cure: String,
}

/// At least one [`Fault`]. `Display` is the text for the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(
            f,
            "bazel-proxy cannot start: {count} fault{} in its configuration",
            plural(count)
        )?;
        for fault in &self.0 {
            writeln!(
                f,
                "\n  {}: {}\n      {}",
                fault.variable, fault.problem, fault.cure
            )?;
        }
        write!(
            f,
            "\nVariables are read from the environment and from a file .env in this folder or \
             above it;\n.env.example lists them all."
        )
    }
}

impl std::error::Error for Faults {}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
