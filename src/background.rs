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

    /// The number of tasks that have not ended.
    #[cfg(test)]
    fn tasks(&self) -> usize {
        let runtime = self.0.get();
        runtime.map_or(0, |runtime| runtime.metrics().num_alive_tasks())
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

#[cfg(test)]
mod tests {
    use crate::Emulator;
    use crate::config::{Config, Sources};
    use std::time::Duration;
    use tokio::net::TcpStream;

    async fn wait_for_tasks(emulator: &Emulator, expected: usize) {
        let reached = async {
            while emulator.state.background.tasks() != expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
        reached.unwrap_or_else(|_| panic!("not {expected} tasks"));
    }

    #[tokio::test]
    async fn a_wait_ends_when_its_client_hangs_up() {
        const CLIENTS: usize = 20;
        let mut config = Config::load(&Sources::default()).expect("the default");
        config.listen.set_port(0);
        let emulator = Emulator::start(config).await.expect("a port is free");
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let client = TcpStream::connect(emulator.addr()).await;
            let client = client.expect("it listens");
            let call = b"GET /_emulator/v1/requests/wait?timeout_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
            client.writable().await.expect("a socket");
            assert_eq!(client.try_write(call).expect("a socket"), call.len());
            clients.push(client);
        }
        wait_for_tasks(&emulator, CLIENTS).await;

        drop(clients);

        wait_for_tasks(&emulator, 0).await;
        emulator.stop().await;
    }
}
