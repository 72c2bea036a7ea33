//! The control API's own runtime, for work that may take long, so that such work delays no call.

use futures_util::future::BoxFuture;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Two threads, so that one long task does not delay the next.
const THREADS: usize = 2;

/// The runtime, which the first task starts.
#[derive(Debug, Default)]
pub(crate) struct Background(OnceLock<Runtime>);

impl Background {
    /// Runs a task there to completion, or until the server stops or the returned future is dropped.
    /// The task is boxed, so that the runtime's code is compiled once and not for each task's type.
    pub(crate) async fn run<T: Send + 'static>(&self, work: BoxFuture<'static, T>) -> T {
        let runtime = self.0.get_or_init(|| {
            let mut builder = Builder::new_multi_thread();
            let builder = builder.worker_threads(THREADS).thread_name("control");
            let runtime = builder.enable_all().build();
            runtime.expect("the system has threads, as it had for calls")
        });
        let done = AbortOnDropHandle::new(runtime.spawn(work)).await;
        match done.map_err(JoinError::try_into_panic) {
            Ok(output) => output,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is shutting down with the process.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}

/// Does not wait for tasks: a task itself may drop the runtime, and must not block.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
