//! Stories of single pods, told against a small fake of the engine.

extern crate petset_plan as plan;

mod world;

mod start;
