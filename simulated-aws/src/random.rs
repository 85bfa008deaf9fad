//! Names and secrets that nobody else has. They protect nothing, so a fast source will do.

use std::iter;

/// The prefix and so many letters and digits.
pub(crate) fn text(prefix: &str, length: usize) -> String {
    let letters = iter::repeat_with(fastrand::alphanumeric).take(length);
    prefix.chars().chain(letters).collect()
}

/// The prefix and so many capital letters.
pub(crate) fn capitals(prefix: &str, length: usize) -> String {
    let letters = iter::repeat_with(fastrand::uppercase).take(length);
    prefix.chars().chain(letters).collect()
}
