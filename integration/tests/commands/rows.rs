//! The rows, by what they are about.

mod client;
mod node;
mod pods;
mod reading;
mod sets;
mod writing;

use crate::Chapter;

/// In this order: the last one takes the pods off their node.
pub(crate) static CHAPTERS: &[&Chapter] =
    &[&client::CHAPTER, &reading::CHAPTER, &writing::CHAPTER, &sets::CHAPTER, &pods::CHAPTER, &node::CHAPTER];
