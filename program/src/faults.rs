//! Everything that is wrong with a configuration, told together.

use std::fmt;

use crate::Program;

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
pub struct Faults {
    /// Whose configuration it is.
    pub program: Program,
    /// The faults, in the order in which the variables were read.
    pub list: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, count) = (self.program.name, self.list.len());
        let plural = if count == 1 { "" } else { "s" };
        writeln!(
            f,
            "{name} cannot start: {count} fault{plural} in its configuration"
        )?;
        for fault in &self.list {
            writeln!(
                f,
                "\n  {}: {}\n      {}",
                fault.variable, fault.problem, fault.cure
            )?;
        }
        write!(f, "\n{}", self.program.variables_come_from)
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_program_each_fault_and_where_variables_come_from() {
        let fault = Fault {
            variable: "PORT",
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
}
