//! A separate runtime for the control API, whose work can take long and must not delay calls.

use futures_util::future::BoxFuture;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::AbortOnDropHandle;

/// The number of threads. With one, a long request would delay all others.
const THREADS: usize = 2;

/// The runtime, which is started when it is first used.
#[derive(Debug, Default)]
pub(crate) struct Background(OnceLock<Runtime>);

impl Background {
    /// Runs `work` on this runtime. If the caller is dropped first, the work is aborted.
    ///
    /// The work is boxed because a task type for each route would make the binary a tenth larger.
    pub(crate) async fn run<T: Send + 'static>(&self, work: BoxFuture<'static, T>) -> T {
        let done = AbortOnDropHandle::new(self.spawn(work)).await;
        match done.map_err(JoinError::try_into_panic) {
            Ok(output) => output,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, because the emulator was dropped.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Starts `work` on this runtime without waiting for it.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: BoxFuture<'static, T>) -> JoinHandle<T> {
        let runtime = self.0.get_or_init(|| {
            let mut builder = Builder::new_multi_thread();
            let builder = builder.worker_threads(THREADS).thread_name("control");
            let runtime = builder.enable_all().build();
            runtime.expect("threads can be started, as they could for calls")
        });
        runtime.spawn(work)
    }
}

/// Does not wait for the runtime's tasks: one of them may run this drop, and waiting would panic.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
