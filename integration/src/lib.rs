//! Tests against real Docker and stock clients.
