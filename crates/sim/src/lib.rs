//! A hostile world in one thread, in which the laws must hold.
