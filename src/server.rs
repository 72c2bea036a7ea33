//! All routes, and the loop that accepts connections.
//!
//! The loop is written here because `axum::serve` sets neither the header timeout nor the buffer
//! size, has no deadline for a stop, and serves all connections on one runtime.

use crate::client_ip::ClientIp;
use crate::client_stream::{ClientStream, Connection};
use crate::commands::{self, stubs};
use crate::control;
use crate::faults::ResetConnection;
use crate::gateway::body;
use crate::gateway::journal::{Arrival, CallLogInfo};
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, Reply};
use crate::state::AppState;
use crate::workers::Workers;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

/// The size of a connection's read buffer, and so the longest request head: 64 KiB for the URL and
/// 64 KiB for the headers.
const BUFFER_BYTES: usize = 128 * 1024;

/// The pause after an accept error of the system, such as no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// When the server stops and all calls are done, the deadline for sending the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// All routes: Tencent's REST API and the emulator's control API.
fn router(state: AppState) -> Router {
    commands::routes()
        .fallback(unknown)
        .merge(control::routes(&state))
        .with_state(state)
}

/// Serves a path that is not a route: a stub's answer, or an error.
async fn unknown(State(state): State<AppState>, arrival: Arrival, call: Request) -> Response {
    if let Some(stub) = stubs::find(&arrival, &call) {
        return stubs::serve(stub, state, arrival, call).await;
    }
    if control::welcome::is_wanted(&state, &call) {
        return control::welcome::page();
    }
    let (call, body) = call.into_parts();
    body::discard(body, &state).await;
    let reply = Reply::refused(error_for_unknown(&call));
    arrival.end(&state, &call, reply.into(), CallLogInfo::default())
}

fn error_for_unknown(call: &Parts) -> CallError {
    match call.uri.path().split('/').collect::<Vec<_>>()[..] {
        ["", "v4", service, command] if !service.is_empty() && !command.is_empty() => CallError {
            detail: stubs::hint(call).into(),
            ..Code::NoSuchCommand.into()
        },
        _ => Code::HttpParse.into(),
    }
}

/// Serves HTTP/1.0 and 1.1 until the emulator stops, then finishes the calls in flight. Their answers
/// must be sent within [`LAST_ANSWERS`].
///
/// A connection is closed when the client does not send a complete request head within
/// `read_timeout`, or accepts no bytes of an answer for as long.
pub(crate) async fn serve(listener: TcpListener, state: AppState, mut workers: Workers) {
    let (connections, calls) = (GracefulShutdown::new(), TaskTracker::new());
    let stopping = state.stopping.clone();
    let server = Arc::new(Server::new(state, calls.clone()));
    loop {
        let (stream, client) = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let (server, watcher) = (Arc::clone(&server), connections.watcher());
        workers.serve(async move {
            // An error means that the client disconnected or did not send HTTP.
            if let Err(error) = server.connection(stream, client, watcher).await {
                debug!(error, "connection closed");
            }
        });
    }
    drop(listener);
    calls.close();
    tokio::select! {
        () = connections.shutdown() => {}
        // The deadline ends connections with an incomplete request head, which is not a call, and
        // connections whose clients do not read.
        () = async { calls.wait().await; tokio::time::sleep(LAST_ANSWERS).await } => {}
    }
}

/// The parts that all connections share.
struct Server {
    state: AppState,
    router: Router,
    http: http1::Builder,
    /// The calls in flight.
    calls: TaskTracker,
    /// The second of the uptime, from 1, with the last warning of TLS.
    last_tls_warning: AtomicU64,
}

impl Server {
    fn new(state: AppState, calls: TaskTracker) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(state.config.read_timeout)
            .max_buf_size(BUFFER_BYTES)
            // A call runs to completion even if its client disconnects. hyper does not read during a call, so
            // that calls which take long watch for a disconnect themselves.
            .half_close(true);
        Self {
            router: router(state.clone()),
            state,
            http,
            calls,
            last_tls_warning: AtomicU64::default(),
        }
    }

    /// Serves one connection to its end, on the current runtime.
    async fn connection(
        &self,
        stream: std::net::TcpStream,
        client: ClientIp,
        watcher: Watcher,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::from_std(stream)?;
        let (stream, connection) = ClientStream::new(stream, self.state.config.read_timeout);
        let service = service_fn(|call: hyper::Request<Incoming>| {
            let mut call = call.map(Body::new);
            let arrival = Arrival::new(&self.state, client, connection.clone());
            call.extensions_mut().insert(arrival);
            let answer = self.router.clone().call(call);
            let connection = &connection;
            self.calls.track_future(async move {
                let Ok(answer) = answer.await;
                answer_or_reset(answer, connection)
            })
        });
        let serving = self.http.serve_connection(TokioIo::new(stream), service);
        let served = watcher.watch(serving).await;
        if connection.is_tls() {
            self.warn_of_tls();
        }
        Ok(served?)
    }

    /// Logs at most one line in a second, because a client may try again and again.
    fn warn_of_tls(&self) {
        let second = self.state.started.elapsed().as_secs() + 1;
        if self.last_tls_warning.swap(second, Ordering::Relaxed) != second {
            warn!("a client spoke TLS (https) to this port, which serves plain HTTP: use http://");
        }
    }
}

/// Returns the answer, or an error if a fault resets the connection: hyper then sends no answer.
fn answer_or_reset(answer: Response, connection: &Connection) -> io::Result<Response> {
    if answer.extensions().get::<ResetConnection>().is_some() {
        connection.reset();
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok(answer)
}

async fn accept(listener: &TcpListener) -> (std::net::TcpStream, ClientIp) {
    loop {
        match listener.accept().await.and_then(prepare) {
            Ok(accepted) => return accepted,
            Err(error) if is_caused_by_client(&error) => {
                debug!(%error, "connection lost before it was accepted");
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection, trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Turns Nagle's algorithm off, and detaches the stream from this runtime to serve it on another.
fn prepare((stream, peer): (TcpStream, SocketAddr)) -> io::Result<(std::net::TcpStream, ClientIp)> {
    stream.set_nodelay(true)?;
    Ok((stream.into_std()?, ClientIp(peer.ip())))
}

/// Whether the cause of an accept error is the client, not the system.
fn is_caused_by_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput
    )
}
