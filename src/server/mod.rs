//! All routes, and the loop that accepts connections.
//!
//! The loop is written here because `axum::serve` sets neither the header timeout nor the buffer
//! size, has no deadline for a stop, and serves all connections on one runtime.

mod connection;
mod idle;
mod proxy;
mod tunnel;

use crate::STOP_DEADLINE;
use crate::client_ip::ClientIp;
use crate::commands::{self, stubs};
use crate::control;
use crate::gateway::body;
use crate::gateway::journal::{Arrival, CallLogInfo};
use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, Reply};
use crate::state::AppState;
use crate::workers::Workers;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use connection::Protocol;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
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
    if let Some(redirect) = control::page::redirect(&state, &call) {
        return redirect;
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

/// The addresses that are listened on.
pub(crate) struct Listeners {
    pub(crate) plain: TcpListener,
    /// HTTPS.
    pub(crate) tls: Option<TcpListener>,
}

/// Serves HTTP/1.0, 1.1 and 2 until the emulator stops, then finishes the calls in flight. Their answers
/// must be sent within [`LAST_ANSWERS`].
///
/// A connection is closed when the client does not send a complete request head within
/// `read_timeout`, or accepts no bytes of an answer for as long.
pub(crate) async fn serve(listeners: Listeners, state: AppState, mut workers: Workers) {
    let stopping = state.stopping.clone();
    let server = Arc::new(Server::new(state));
    loop {
        let (stream, client, protocol) = tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            accepted = listeners.accept() => accepted,
        };
        let connection = Arc::clone(&server).connection(stream, client, protocol);
        workers.serve(server.connections.track_future(async move {
            // An error means that the client disconnected, or did not speak the protocol.
            if let Err(error) = connection.await {
                debug!(error, "connection closed");
            }
        }));
    }
    drop(listeners);
    server.calls.close();
    server.connections.close();
    tokio::select! {
        () = server.connections.wait() => {}
        // The deadline ends connections with an incomplete request head, which is not a call, and
        // connections whose clients do not read.
        () = async { server.calls.wait().await; tokio::time::sleep(LAST_ANSWERS).await } => {}
        () = tokio::time::sleep(STOP_DEADLINE) => {}
    }
    // Only then have all calls been answered that will be, so that the state file can be saved.
    workers.shutdown().await;
}

/// The parts that all connections share.
struct Server {
    state: AppState,
    router: Router,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    connections: TaskTracker,
    /// The calls in flight.
    calls: TaskTracker,
    /// The second of the uptime, from 1, with the last warning of TLS.
    last_tls_warning: AtomicU64,
}

impl Server {
    fn new(state: AppState) -> Self {
        let timeout = state.config.read_timeout;
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(timeout)
            .max_buf_size(BUFFER_BYTES)
            // A call runs to completion even if its client disconnects. hyper does not read during a call, so
            // that calls which take long watch for a disconnect themselves.
            .half_close(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            // Pings find clients that have vanished.
            .keep_alive_interval(timeout)
            .max_header_list_size(BUFFER_BYTES as u32);
        Self {
            router: router(state.clone()),
            state,
            http1,
            http2,
            connections: TaskTracker::new(),
            calls: TaskTracker::new(),
            last_tls_warning: AtomicU64::default(),
        }
    }
}

impl Listeners {
    /// The next connection.
    async fn accept(&self) -> (std::net::TcpStream, ClientIp, Protocol) {
        let tls = async {
            match &self.tls {
                Some(tls) => accept(tls).await,
                None => pending().await,
            }
        };
        let ((stream, client), protocol) = tokio::select! {
            plain = accept(&self.plain) => (plain, Protocol::Http),
            tls = tls => (tls, Protocol::Https),
        };
        (stream, client, protocol)
    }
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
