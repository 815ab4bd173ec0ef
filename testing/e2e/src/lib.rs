//! Starts the real binary for end-to-end tests.
