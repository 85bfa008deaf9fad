//! The contract from outside: golden bytes, what both sides do to the signal, and calls to a simulated AWS.

mod calls;
mod golden;
mod signal_file;
