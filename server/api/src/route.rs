//! Registration of endpoints under every path that the specification gives them.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use ruma::api::{
    Metadata,
    path_builder::{SinglePath, VersionHistory},
};

use crate::state::ApiState;

/// Adds endpoints to a router by their request type.
pub(crate) trait RouterExt {
    /// Serves `T` by `handler` under all of its paths, old and unstable ones included.
    fn serve<T, H, X>(self, handler: H) -> Self
    where
        T: Metadata<PathBuilder: Paths>,
        H: Handler<X, ApiState>,
        X: 'static;
}

impl RouterExt for Router<ApiState> {
    fn serve<T, H, X>(mut self, handler: H) -> Self
    where
        T: Metadata<PathBuilder: Paths>,
        H: Handler<X, ApiState>,
        X: 'static,
    {
        // The methods of ruma's metadata are standard ones, all of which axum can route.
        let method = MethodFilter::try_from(T::METHOD).unwrap_or(MethodFilter::TRACE);
        let mut paths = T::PATH_BUILDER.paths();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            self = self.route(path, on(method, handler.clone()));
        }
        self
    }
}

/// Every path of an endpoint, in axum's syntax (which is ruma's).
pub(crate) trait Paths {
    fn paths(&self) -> Vec<&'static str>;
}

impl Paths for VersionHistory {
    fn paths(&self) -> Vec<&'static str> {
        let stable = self.stable_paths().map(|(_, path)| path);
        stable.chain(self.unstable_paths().map(|(_, path)| path)).collect()
    }
}

impl Paths for SinglePath {
    fn paths(&self) -> Vec<&'static str> {
        vec![self.path()]
    }
}
