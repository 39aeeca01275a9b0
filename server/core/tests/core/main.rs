//! The tests of the event core, in one binary.

mod auth_vectors;
mod event_properties;
mod event_vectors;
mod keys;
mod push_vectors;
mod random_room;
mod resolution_differential;
mod resolution_vectors;
mod ruma;
mod specification;
