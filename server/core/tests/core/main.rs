//! The tests of the event core, in one binary.

mod specification;
