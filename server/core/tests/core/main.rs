//! The tests of the event core, in one binary.

mod push_vectors;
mod specification;
