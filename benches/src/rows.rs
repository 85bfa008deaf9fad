//! What is measured; one module a group of rows.
