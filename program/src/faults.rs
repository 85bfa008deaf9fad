//! Everything that is wrong with a configuration, told together.

use std::fmt::{self, Write as _};

use crate::Program;

/// One fault: which variable, what is wrong with its value, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong; never a secret.
    pub problem: String,
    /// What to write instead.
    pub cure: String,
}

/// What a fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A variable, by its name.
    Variable(&'static str),
    /// A place in a file, for example `config.yaml:3:5`.
    Place(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Place(place) => f.write_str(place),
        }
    }
}

/// At least one [`Fault`]. `Display` is the text for the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Whose configuration it is.
    pub program: Program,
    /// The faults, in the order in which the variables were read; then those of files.
    pub list: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(&format!("{} cannot start", self.program.name)))
    }
}

impl Faults {
    /// The text for the terminal, where something else than a start cannot be done.
    #[must_use]
    pub fn told(&self, what: &str) -> String {
        let count = self.list.len();
        let plural = if count == 1 { "" } else { "s" };
        let mut text = format!("{what}: {count} fault{plural} in its configuration\n");
        for fault in &self.list {
            let Fault {
                subject,
                problem,
                cure,
            } = fault;
            let _infallible = write!(text, "\n  {subject}: {problem}\n      {cure}\n");
        }
        let is_of_variable = |fault: &Fault| matches!(fault.subject, Subject::Variable(_));
        if self.list.iter().any(is_of_variable) {
            let _infallible = write!(text, "\n{}", self.program.variables_come_from);
        }
        text
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_program_each_fault_and_where_variables_come_from() {
        let fault = Fault {
            subject: Subject::Variable("PORT"),
            problem: "`x` is not a port".to_owned(),
            cure: "give a port from 0 to 65535".to_owned(),
        };
        let program = Program {
            name: "server",
            variables_come_from: "Variables are read from the environment.",
        };
        let mut faults = Faults {
            program,
            list: vec![fault.clone()],
        };
        assert_eq!(
            faults.to_string(),
            "server cannot start: 1 fault in its configuration\n\n  PORT: `x` is not a port\n      \
             give a port from 0 to 65535\n\nVariables are read from the environment."
        );
        faults.list.push(fault);
        assert!(faults.to_string().contains("2 faults in"));
    }

    #[test]
    fn a_report_about_files_alone_does_not_explain_variables() {
        let fault = Fault {
            subject: Subject::Place("config.yaml:1:1".to_owned()),
            problem: "the file is empty".to_owned(),
            cure: "fill it".to_owned(),
        };
        let faults = Faults {
            program: Program {
                name: "server",
                variables_come_from: "Variables are read from the environment.",
            },
            list: vec![fault],
        };
        assert_eq!(
            faults.to_string(),
            "server cannot start: 1 fault in its configuration\n\n  config.yaml:1:1: the file is \
             empty\n      fill it\n"
        );
    }
}
