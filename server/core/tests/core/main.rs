//! The tests of the event core, in one binary.

mod event_vectors;
mod push_vectors;
mod random_room;
mod resolution_differential;
mod ruma;
mod specification;
