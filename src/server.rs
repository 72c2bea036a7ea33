//! The routes, and the loop that accepts connections.

use crate::commands;
use crate::control;
use crate::faults::ResetConnection;
use crate::gateway::body;
use crate::gateway::journal::{Arrival, CallLogInfo};
use crate::line::{Line, Resetter};
use crate::protocol::code::Code;
use crate::protocol::reply::Reply;
use crate::state::AppState;
use crate::webhooks::ClientIp;
use crate::workers::Workers;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

/// The most that is read ahead of a connection, and so the longest head: 64 KiB of URL and as much
/// of headers.
const BUFFER_BYTES: usize = 128 * 1024;

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long the last answers have to leave, once the calls are done and the server stops.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(3);

/// All routes: Tencent's and the emulator's own.
fn router(state: AppState) -> Router {
    commands::routes()
        .fallback(unknown)
        .merge(control::routes(&state))
        .with_state(state)
}

/// Where no command is.
async fn unknown(State(state): State<AppState>, arrival: Arrival, call: Request) -> Response {
    let (call, body) = call.into_parts();
    body::discard(body, &state.config).await;
    let reply = Reply::refused(what_is_wrong_with(call.uri.path()));
    arrival.end(&state, &call, reply.into(), CallLogInfo::default())
}

fn what_is_wrong_with(path: &str) -> Code {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "v4", service, command] if !service.is_empty() && !command.is_empty() => {
            Code::NoSuchCommand
        }
        _ => Code::HttpParse,
    }
}

/// Serves until `shutdown` is done, then finishes the calls that are under way, and no more: their
/// answers have [`LAST_WORDS`] to leave.
///
/// HTTP/1.0 and 1.1. A connection is closed that sends no whole head within `read_timeout`, or takes
/// nothing of an answer for as long.
pub(crate) async fn serve(
    listener: TcpListener,
    state: AppState,
    mut workers: Workers,
    shutdown: impl Future<Output = ()>,
) {
    let (connections, calls) = (GracefulShutdown::new(), TaskTracker::new());
    let server = Arc::new(Server::new(state, calls.clone()));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, client) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        let (server, watcher) = (Arc::clone(&server), connections.watcher());
        workers.serve(async move {
            // A client that hangs up or talks nonsense is its own affair.
            if let Err(error) = server.connection(stream, client, watcher).await {
                debug!(error, "connection closed");
            }
        });
    }
    drop(listener);
    calls.close();
    tokio::select! {
        () = connections.shutdown() => {}
        // Who has not sent a whole head has made no call, and who does not read gets no answer.
        () = async { calls.wait().await; tokio::time::sleep(LAST_WORDS).await } => {}
    }
}

/// What all connections are served with.
struct Server {
    state: AppState,
    router: Router,
    http: http1::Builder,
    /// The calls under way.
    calls: TaskTracker,
}

impl Server {
    fn new(state: AppState, calls: TaskTracker) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(state.config.read_timeout)
            .max_buf_size(BUFFER_BYTES)
            // A call whose client has hung up is done to its end all the same.
            .half_close(true);
        Self {
            router: router(state.clone()),
            state,
            http,
            calls,
        }
    }

    /// Serves one connection to its end, in the runtime that it is to stay in.
    async fn connection(
        &self,
        stream: std::net::TcpStream,
        client: ClientIp,
        watcher: Watcher,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::from_std(stream)?;
        let (line, resetter) = Line::new(stream, self.state.config.read_timeout);
        let service = service_fn(|call: hyper::Request<Incoming>| {
            let mut call = call.map(Body::new);
            call.extensions_mut()
                .insert(Arrival::new(&self.state, client));
            let answer = self.router.clone().call(call);
            let resetter = &resetter;
            self.calls.track_future(async move {
                let Ok(answer) = answer.await;
                send(answer, resetter)
            })
        });
        let connection = self.http.serve_connection(TokioIo::new(line), service);
        Ok(watcher.watch(connection).await?)
    }
}

/// Instead of an answer, the connection is reset.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault resets the connection")
    }
}

impl Error for NoAnswer {}

/// An answer, unless the connection is to be reset instead.
fn send(answer: Response, resetter: &Resetter) -> Result<Response, NoAnswer> {
    if answer.extensions().get::<ResetConnection>().is_some() {
        resetter.reset();
        return Err(NoAnswer);
    }
    Ok(answer)
}

async fn accept(listener: &TcpListener) -> (std::net::TcpStream, ClientIp) {
    loop {
        match listener.accept().await.and_then(prepared) {
            Ok(accepted) => return accepted,
            Err(error) if is_the_clients(&error) => {
                debug!(%error, "connection lost before it was accepted");
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection, trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Without the delay that waits for more to send, and without a runtime: it is to be another's.
fn prepared(
    (stream, peer): (TcpStream, SocketAddr),
) -> io::Result<(std::net::TcpStream, ClientIp)> {
    stream.set_nodelay(true)?;
    Ok((stream.into_std()?, ClientIp(peer.ip())))
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        InvalidInput,
    ]
    .contains(&error.kind())
}
