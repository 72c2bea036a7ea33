//! Serves a connection from its first byte to its end: plain HTTP, HTTPS, or HTTP that becomes one of them
//! through the proxy.

use super::Server;
use super::idle::until_idle;
use super::proxy::{self, Asked, Destination};
use super::tunnel;
use crate::client_ip::ClientIp;
use crate::client_stream::{ClientStream, Connection};
use crate::faults::ResetConnection;
use crate::gateway::journal::Arrival;
use axum::body::Body;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tower::Service;
use tracing::warn;

/// The deadline for a client's first byte, and again for the TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// A tunnel may be silent for this many times `read_timeout`: the other host can take long.
const TUNNEL_PATIENCE: u32 = 8;

/// How much of a plain HTTP request is read on the TLS port, and for how long: a client that is still sending would
/// not see the answer.
const PLAIN_HTTP_BYTES: u64 = 1 << 20;
const PLAIN_HTTP_DEADLINE: Duration = Duration::from_secs(2);

/// The answer to plain HTTP on the TLS port.
const PLAIN_HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 49\r\nConnection: close\r\n\r\n\
    This port serves HTTPS: use https:// in the URL.\n";

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Https,
}

/// What TLS runs over: a connection, or the rest of one after CONNECT.
type Transport = Either<ClientStream, TokioIo<Upgraded>>;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

impl Server {
    /// Serves one connection to its end, on the current runtime.
    pub(super) async fn connection(
        self: Arc<Self>,
        stream: std::net::TcpStream,
        client: ClientIp,
        protocol: Protocol,
    ) -> Result<()> {
        let stream = TcpStream::from_std(stream)?;
        if protocol == Protocol::Https && self.is_plain_http(&stream).await? {
            let refused = timeout(PLAIN_HTTP_DEADLINE, refuse_plain_http(stream));
            return Ok(refused.await??);
        }
        let (stream, connection) = ClientStream::new(stream, self.state.config.read_timeout);
        if protocol == Protocol::Https {
            let tls = self.state.tls.server_config().await?;
            let stream = Either::Left(stream);
            return self.https(stream, tls, client, connection).await;
        }
        let destination = Mutex::default();
        let served = self.http(stream, client, &connection, &destination).await;
        if connection.is_tls() {
            self.warn_of_tls();
        }
        served?;
        match destination
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            None => Ok(()),
            Some(Destination::Emulator(upgrade, tls)) => {
                let stream = Either::Right(TokioIo::new(upgrade.await?));
                self.https(stream, tls, client, connection).await
            }
            Some(Destination::Other(upgrade, other)) => {
                let idle_timeout = TUNNEL_PATIENCE * self.state.config.read_timeout;
                let copied = tunnel::copy(upgrade.await?, other, idle_timeout);
                Ok(self.until_stop(copied).await.unwrap_or(Ok(()))?)
            }
        }
    }

    /// Serves plain HTTP/1, until the client or the emulator ends the connection, or until CONNECT gives it a
    /// destination.
    async fn http(
        &self,
        stream: ClientStream,
        client: ClientIp,
        connection: &Connection,
        destination: &Mutex<Option<Destination>>,
    ) -> Result<()> {
        let service = service_fn(async |mut call: hyper::Request<Incoming>| {
            match proxy::ask(&self.state, client, &mut call).await {
                Asked::Call => self.call(call, client, connection.clone()).await,
                Asked::Refused(answer) => Ok(answer),
                Asked::Connected(to) => {
                    *destination.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
                    Ok(Response::new(Body::empty()))
                }
            }
        });
        let http = self.http1.serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(http.with_upgrades());
        match self.until_stop(serving.as_mut()).await {
            Some(served) => Ok(served?),
            None => {
                serving.as_mut().graceful_shutdown();
                Ok(serving.await?)
            }
        }
    }

    /// Serves HTTP/1 or HTTP/2 inside TLS.
    async fn https(
        self: Arc<Self>,
        stream: Transport,
        tls: Arc<ServerConfig>,
        client: ClientIp,
        connection: Connection,
    ) -> Result<()> {
        let acceptor = TlsAcceptor::from(tls);
        let handshake = timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream));
        let Some(stream) = self.until_stop(handshake).await else {
            return Ok(());
        };
        let stream = stream?.inspect_err(|error| self.warn_of_distrust(error))?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = TokioIo::new(stream);
        if is_http2 {
            return self.http2(stream, client).await;
        }
        // A client may send the whole URL to any server, so over HTTPS it does not ask for the proxy.
        let service = service_fn(|call| self.call(call, client, connection.clone()));
        let mut serving = pin!(self.http1.serve_connection(stream, service));
        if let Some(served) = self.until_stop(serving.as_mut()).await {
            return Ok(served?);
        }
        serving.as_mut().graceful_shutdown();
        Ok(serving.await?)
    }

    /// Serves HTTP/2. hyper has no timeout for an idle connection, and none for the client's preface.
    async fn http2(
        self: &Arc<Self>,
        stream: TokioIo<TlsStream<Transport>>,
        client: ClientIp,
    ) -> Result<()> {
        // The number of calls; each call in flight has a clone of the pointer.
        let calls = Arc::new(AtomicU64::new(0));
        let service = service_fn(|call: hyper::Request<Incoming>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let (server, in_flight) = (Arc::clone(self), Arc::clone(&calls));
            async move {
                let answer = server.call_over_http2(call, client).await?;
                let body = answer.map(|body| {
                    let frame = move |frame| {
                        let _ = &in_flight;
                        frame
                    };
                    Body::new(body.map_frame(frame))
                });
                Ok::<_, io::Error>(body)
            }
        });
        let mut serving = pin!(self.http2.serve_connection(stream, service));
        let idle_timeout = self.state.config.read_timeout;
        let idle = until_idle(idle_timeout, || {
            (Arc::strong_count(&calls) == 1).then(|| calls.load(Ordering::Relaxed))
        });
        tokio::select! {
            served = serving.as_mut() => return Ok(served?),
            () = self.state.stopping.cancelled() => {}
            () = idle => {}
        }
        serving.as_mut().graceful_shutdown();
        // The shutdown begins only after the preface.
        Ok(timeout(idle_timeout, serving).await??)
    }

    /// Answers one call.
    async fn call(
        &self,
        call: hyper::Request<Incoming>,
        client: ClientIp,
        connection: Connection,
    ) -> io::Result<Response> {
        let answer = self.answer(call, client, connection.clone()).await;
        if is_reset(&answer) {
            connection.reset();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(answer)
    }

    /// Answers one call. When the client cancels it, hyper drops this future; but a call runs to completion, unless
    /// it only waits.
    async fn call_over_http2(
        &self,
        call: hyper::Request<Incoming>,
        client: ClientIp,
    ) -> io::Result<Response> {
        let stream = Connection::default();
        let _cancelled = stream.hang_up_on_drop();
        let answer = tokio::spawn(self.answer(call, client, stream)).await?;
        match is_reset(&answer) {
            // Only the call's own stream is reset: other calls share the connection.
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(answer),
        }
    }

    fn answer(
        &self,
        call: hyper::Request<Incoming>,
        client: ClientIp,
        connection: Connection,
    ) -> impl Future<Output = Response> + use<> {
        let mut call = call.map(Body::new);
        let arrival = Arrival::new(&self.state, client, connection);
        call.extensions_mut().insert(arrival);
        let answer = self.calls.track_future(self.router.clone().call(call));
        async {
            let Ok(answer) = answer.await;
            answer
        }
    }

    /// Whether a client speaks plain HTTP. Waits for its first byte.
    async fn is_plain_http(&self, stream: &TcpStream) -> Result<bool> {
        let mut first = [0];
        let peek = timeout(HANDSHAKE_DEADLINE, stream.peek(&mut first));
        match self.until_stop(peek).await {
            Some(peeked) => Ok(peeked?? > 0 && first[0].is_ascii_uppercase()),
            None => Ok(false),
        }
    }

    /// The result of `work`; `None` if the emulator stops first.
    async fn until_stop<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.state.stopping.cancelled() => None,
            result = work => Some(result),
        }
    }

    fn warn_of_tls(&self) {
        if self.may_warn_of_tls() {
            warn!(
                "a client spoke TLS (https) to this port, which serves plain HTTP: use http://, or set tls.listen"
            );
        }
    }

    /// Logs that a client has refused the certificate, if that is why a handshake failed.
    fn warn_of_distrust(&self, error: &io::Error) {
        let error = error.get_ref().and_then(|error| error.downcast_ref());
        let alert = match error {
            Some(rustls::Error::AlertReceived(alert)) => alert,
            _ => return,
        };
        if self.may_warn_of_tls() {
            warn!(
                ?alert,
                "a client refused the certificate: it must trust the CA, which `tencent-chat-emulator tls ca` and \
                 /_emulator/v1/tls/ca show, and call a name of the certificate (tls.names)"
            );
        }
    }

    /// At most once in a second, because a client may try again and again.
    fn may_warn_of_tls(&self) -> bool {
        let second = self.state.started.elapsed().as_secs() + 1;
        self.last_tls_warning.swap(second, Ordering::Relaxed) != second
    }
}

async fn refuse_plain_http(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(PLAIN_HTTP_ANSWER.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(PLAIN_HTTP_BYTES);
    tokio::io::copy(&mut rest, &mut tokio::io::sink())
        .await
        .map(drop)
}

/// Whether a fault resets the connection instead of the answer.
fn is_reset(answer: &Response) -> bool {
    answer.extensions().get::<ResetConnection>().is_some()
}
