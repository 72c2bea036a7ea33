//! The layers in their order, and the loop that accepts connections.

use crate::commands;
use crate::control;
use crate::middleware::{body, journal};
use crate::protocol::code::Code;
use crate::protocol::reply::{Nothing, Reply};
use crate::state::AppState;
use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;
use tracing::{debug, warn};

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// THE LAYERS, in the order in which a call passes them.
///
/// Below these two, each command brings its own: UserSig, because whom to refuse with which code is
/// its service's; then the rate limit, because that is its own too, and a bad signature must not
/// spend the app's tokens.
pub(crate) fn router(state: AppState) -> Router {
    let layers = ServiceBuilder::new()
        // Outermost: it sees every end of a call.
        .layer(from_fn_with_state(state.clone(), journal::journal))
        // Before anything is decided, so that every refusal reaches a client that still writes.
        .layer(from_fn_with_state(state.clone(), body::read));
    let rest = commands::routes(&state)
        .fallback(unknown)
        .layer(layers)
        .with_state(state.clone());
    control::routes().fallback_service(rest).with_state(state)
}

/// Where no command is.
async fn unknown(uri: Uri) -> Reply<Nothing> {
    let mut parts = uri.path().split('/').skip(1);
    let well_formed = parts.next() == Some("v4")
        && parts
            .by_ref()
            .take(2)
            .filter(|part| !part.is_empty())
            .count()
            == 2
        && parts.next().is_none();
    Reply::refused(if well_formed {
        Code::NoSuchCommand
    } else {
        Code::HttpParse
    })
}

/// Serves until `shutdown` is done, then finishes the calls that are under way.
///
/// HTTP/1.0 and 1.1. A connection that sends no whole head within `read_timeout` is closed.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    read_timeout: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(read_timeout);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            biased;
            () = &mut shutdown => break,
            stream = accept(&listener) => stream,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that hangs up or talks nonsense is its own affair.
            if let Err(error) = connection.await {
                debug!(%error, "connection closed");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener
            .accept()
            .await
            .and_then(|(stream, _)| no_delay(stream))
        {
            Ok(stream) => return stream,
            Err(error) if is_the_clients(&error) => {
                debug!(%error, "connection lost before it was accepted")
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
