//! What `aws --version` says.

use std::fmt;

/// A version of the AWS CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// A version by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The first number: 1 has no `aws sso login`.
    #[must_use]
    pub const fn major(self) -> u32 {
        self.major
    }

    /// Reads a line such as `aws-cli/2.38.5 Python/3.14.8 Linux/6.18 exe/x86_64.debian.12`. What follows
    /// the patch's digits (`2.0.0dev0`) is left out.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let text = line.trim_start().strip_prefix("aws-cli/")?;
        let mut parts = text.split_whitespace().next()?.splitn(3, '.');
        let mut number = || {
            let part = parts.next()?;
            let end = part.find(|letter: char| !letter.is_ascii_digit());
            part[..end.unwrap_or(part.len())].parse().ok()
        };
        Some(Self {
            major: number()?,
            minor: number()?,
            patch: number()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_real_clis_are_read() {
        for (line, version) in [
            (
                "aws-cli/2.38.5 Python/3.14.8 Linux/6.18.44 docker/x86_64.debian.12\n",
                "2.38.5",
            ),
            (
                "aws-cli/2.9.19 Python/3.11.2 Linux/6.18.44 source/x86_64.debian.12 prompt/off\n",
                "2.9.19",
            ),
            (
                "aws-cli/1.45.11 Python/3.11.7 Linux/6.18.44 botocore/1.43.11\n",
                "1.45.11",
            ),
            (
                "aws-cli/2.0.0dev0 Python/3.7.3 Darwin/18.7.0 botocore/2.0.0dev0",
                "2.0.0",
            ),
        ] {
            let read = Version::parse(line).expect("a version");
            assert_eq!(read.to_string(), version);
        }
    }

    #[test]
    fn anything_else_is_no_version() {
        for line in [
            "",
            "aws-cli/",
            "aws-cli/2.9",
            "aws-cli/two.nine.one",
            "aws-cli/99999999999.0.0",
            "granted/0.20.3",
            "pyenv: aws: command not found",
        ] {
            assert_eq!(Version::parse(line), None, "{line}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(Version::new(2, 22, 0) > Version::new(2, 9, 19));
        assert!(Version::new(1, 45, 11) < Version::new(2, 0, 0));
    }
}
