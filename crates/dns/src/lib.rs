//! Answers queries from the latest zone.
