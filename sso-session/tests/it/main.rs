//! The files of the contract from outside: golden bytes, and what both sides do to the signal.

mod golden;
mod signal_file;
