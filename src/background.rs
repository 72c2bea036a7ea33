//! A runtime beside those that serve calls, for work that may take long: the control API's. What
//! is done there holds up no call.

use futures_util::future::BoxFuture;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Threads. One long piece of work must not hold up the next.
const THREADS: usize = 2;

/// It is started by the first work.
#[derive(Debug, Default)]
pub(crate) struct Background(OnceLock<Runtime>);

impl Background {
    /// Does the work there, until it is done or the server stops: that a client hangs up is not
    /// noticed. It comes boxed: a task of its own type for each route would make the binary a tenth
    /// larger.
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
            // The runtime ends, and everything with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}

/// Waits for nothing: it may be dropped by a task.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
