//! The runtimes that serve connections.
//!
//! The process has one single-threaded runtime for each processor, and a connection stays on one of
//! them. This design serves more calls than one multi-threaded runtime, because no task moves
//! between threads.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::thread;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The limit of runtimes: each needs a few file descriptors, and a process often has only 1024.
const MAX_RUNTIMES: usize = 32;

/// Starts a runtime for each processor, each on a thread of its own. The threads end when the guard
/// is dropped.
pub(crate) fn start_threads() -> io::Result<(Vec<Handle>, DropGuard)> {
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let runtimes = (0..processors.min(MAX_RUNTIMES)).map(|_| start_thread(stop.clone()));
    Ok((runtimes.collect::<io::Result<_>>()?, guard))
}

fn start_thread(stop: CancellationToken) -> io::Result<Handle> {
    let runtime = single_threaded()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name("calls".to_owned());
    thread.spawn(move || {
        runtime.block_on(stop.cancelled());
        runtime.shutdown_background();
    })?;
    Ok(handle)
}

pub(crate) fn single_threaded() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The runtimes, each with its connections. Dropping this value aborts the connections.
#[derive(Debug)]
pub(crate) struct Workers(Vec<(Handle, JoinSet<()>)>);

impl Workers {
    /// `runtimes` must not be empty.
    pub(crate) fn new(runtimes: Vec<Handle>) -> Self {
        let workers = runtimes.into_iter();
        Self(workers.map(|runtime| (runtime, JoinSet::new())).collect())
    }

    /// Serves a connection on the runtime that has the fewest connections.
    pub(crate) fn serve(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        for (_, connections) in &mut self.0 {
            while connections.try_join_next().is_some() {}
        }
        let workers = self.0.iter_mut();
        let idlest = workers.min_by_key(|(_, connections)| connections.len());
        let (runtime, connections) = idlest.expect("there is at least one runtime");
        connections.spawn_on(connection, runtime);
    }

    /// Aborts the connections, and waits until none of them runs.
    pub(crate) async fn shutdown(mut self) {
        for (_, connections) in &mut self.0 {
            connections.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    fn runtimes() -> (Vec<Handle>, DropGuard) {
        let stop = CancellationToken::new();
        let start = || start_thread(stop.clone()).expect("a thread");
        (vec![start(), start()], stop.clone().drop_guard())
    }

    /// Serves a connection that lasts until the sender is dropped.
    fn connect(workers: &mut Workers) -> oneshot::Sender<()> {
        let (client, closed) = oneshot::channel();
        workers.serve(async move { drop(closed.await) });
        client
    }

    fn connections(runtimes: &[Handle]) -> Vec<usize> {
        let tasks = |runtime: &Handle| runtime.metrics().num_alive_tasks();
        runtimes.iter().map(tasks).collect()
    }

    #[track_caller]
    fn wait_until(runtimes: &[Handle], expected: [usize; 2]) {
        for _ in 0..20_000 {
            if connections(runtimes) == expected {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("{:?}, not {expected:?}", connections(runtimes));
    }

    #[test]
    fn a_connection_is_served_where_the_fewest_are() {
        let (runtimes, _guard) = runtimes();
        let mut workers = Workers::new(runtimes.clone());
        let first = connect(&mut workers);
        assert_eq!(connections(&runtimes), [1, 0]);
        let _second = connect(&mut workers);
        assert_eq!(connections(&runtimes), [1, 1]);
        let third = connect(&mut workers);
        assert_eq!(connections(&runtimes), [2, 1]);
        // Round-robin would serve the next connection on the second runtime.
        drop((first, third));
        wait_until(&runtimes, [0, 1]);
        let _fourth = connect(&mut workers);
        assert_eq!(connections(&runtimes), [1, 1]);
    }
}
