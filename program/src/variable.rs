//! A row of a program's table of variables: what `.env.example` and the README say.

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its default as a person would write it; empty for none.
    pub default: &'static str,
    /// What it means, one sentence.
    pub meaning: &'static str,
}

impl Variable {
    /// A row.
    #[must_use]
    pub const fn new(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            default,
            meaning,
        }
    }
}
