//! The runtimes that serve connections. A connection stays in the one where it began.

use std::future::Future;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Dropped, they end what they serve.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    connections: JoinSet<()>,
}

impl Workers {
    /// # Panics
    /// Where there is no runtime.
    pub(crate) fn new(runtimes: Vec<Handle>) -> Self {
        assert!(!runtimes.is_empty(), "a connection needs a runtime");
        let worker = |runtime| Worker {
            runtime,
            connections: JoinSet::new(),
        };
        Self(runtimes.into_iter().map(worker).collect())
    }

    /// Serves a connection where the fewest are.
    pub(crate) fn serve(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        for worker in &mut self.0 {
            while worker.connections.try_join_next().is_some() {}
        }
        let workers = self.0.iter_mut();
        let idlest = workers.min_by_key(|worker| worker.connections.len());
        let Worker {
            runtime,
            connections,
        } = idlest.expect("there is one at least");
        connections.spawn_on(connection, runtime);
    }
}
