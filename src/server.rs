//! The routes, and the loop that accepts connections.

use crate::commands;
use crate::control;
use crate::faults::Reset;
use crate::gateway::body;
use crate::gateway::journal::Arrival;
use crate::line::{Line, Resetter};
use crate::protocol::code::Code;
use crate::protocol::reply::Reply;
use crate::state::AppState;
use crate::webhooks::ClientIp;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
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
    arrival.end(&state, &call, reply.into())
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
/// HTTP/1.0 and 1.1. A connection is closed that sends no whole head within `timeout`, or takes
/// nothing of an answer for as long.
pub(crate) async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()>,
) {
    let (router, timeout) = (router(state.clone()), state.config.read_timeout);
    let (connections, calls) = (GracefulShutdown::new(), TaskTracker::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(BUFFER_BYTES)
        // A call whose client has hung up is done to its end all the same.
        .half_close(true);
    let mut shutdown = std::pin::pin!(shutdown);
    // Dropped at the end, it ends whatever is left.
    let mut tasks = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        let client = ClientIp(peer.ip());
        let (line, resetter) = Line::new(stream, timeout);
        let (calls, state, router) = (calls.clone(), state.clone(), router.clone());
        let service = service_fn(move |call: hyper::Request<Incoming>| {
            let mut call = call.map(Body::new);
            call.extensions_mut().insert(Arrival::new(&state, client));
            let answer = router.clone().call(call);
            let resetter = resetter.clone();
            calls.track_future(async move {
                let Ok(answer) = answer.await;
                send(answer, &resetter)
            })
        });
        let connection = http.serve_connection(TokioIo::new(line), service);
        let connection = connections.watch(connection);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // A client that hangs up or talks nonsense is its own affair.
            if let Err(error) = connection.await {
                debug!(%error, "connection closed");
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

/// Instead of an answer, the connection is reset.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault resets the connection")
    }
}

impl std::error::Error for NoAnswer {}

/// An answer, unless the connection is to be reset instead.
fn send(answer: Response, resetter: &Resetter) -> Result<Response, NoAnswer> {
    if answer.extensions().get::<Reset>().is_some() {
        resetter.reset();
        return Err(NoAnswer);
    }
    Ok(answer)
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener
            .accept()
            .await
            .and_then(|(stream, peer)| Ok((no_delay(stream)?, peer)))
        {
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

fn no_delay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
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
