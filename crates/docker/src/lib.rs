//! Makes Docker look like Runtime.
