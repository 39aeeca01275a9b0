//! YAML as Synapse reads it: PyYAML's safe loader, YAML 1.1, with the line of every node.
//!
//! The events come from `saphyr-parser`; scalars are resolved in [`scalar`], anchors, merge keys and duplicate
//! keys in [`build`] (docs/adr/0005).

mod build;
pub(crate) mod node;
pub(crate) mod scalar;

pub(crate) use build::parse;
pub(crate) use node::{Content, Entry, FileId, Mapping, Node, Position, quote};

#[cfg(test)]
mod tests;
