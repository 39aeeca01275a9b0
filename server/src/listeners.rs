//! Where requests come in: TCP and Unix sockets, plain or TLS, each offering some of the APIs.

pub(crate) mod bind;
pub(crate) mod connection;
pub(crate) mod resources;
pub(crate) mod serve;
pub(crate) mod tls;
