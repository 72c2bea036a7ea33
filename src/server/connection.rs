//! Serves a connection from its first byte to its end: plain HTTP, HTTPS, or HTTP that becomes one of them
//! through the proxy.

use super::Server;
use super::proxy::{self, Asked, Target};
use crate::client_ip::ClientIp;
use crate::client_stream::{ClientStream, Connection};
use crate::faults::ResetConnection;
use crate::gateway::journal::Arrival;
use axum::body::Body;
use axum::http::Version;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tower::Service;
use tracing::warn;

/// The deadline for a TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

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
            return self.https(Either::Left(stream), client, connection).await;
        }
        let target = Mutex::default();
        let served = self.http(stream, client, &connection, &target).await;
        if connection.is_tls() {
            self.warn_of_tls();
        }
        served?;
        match target.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(Target::Emulator(upgrade)) => {
                let stream = Either::Right(TokioIo::new(upgrade.await?));
                self.https(stream, client, connection).await
            }
            Some(Target::Other(upgrade, other)) => {
                let tunnel = proxy::tunnel(upgrade.await?, other);
                Ok(self.until_stop(tunnel).await.unwrap_or(Ok(()))?)
            }
        }
    }

    /// Serves plain HTTP/1, until the client or the emulator ends the connection, or until CONNECT gives it a
    /// target.
    async fn http(
        &self,
        stream: ClientStream,
        client: ClientIp,
        connection: &Connection,
        target: &Mutex<Option<Target>>,
    ) -> Result<()> {
        let service = service_fn(async |mut call: hyper::Request<Incoming>| {
            match proxy::ask(&self.state, client, &mut call).await {
                Asked::Call => self.call(call, client, connection.clone()).await,
                Asked::Refused(answer) => Ok(answer),
                Asked::Connected(to) => {
                    *target.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
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
        client: ClientIp,
        connection: Connection,
    ) -> Result<()> {
        let acceptor = TlsAcceptor::from(self.state.tls.server_config()?);
        let handshake = timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream));
        let Some(stream) = self.until_stop(handshake).await else {
            return Ok(());
        };
        let stream = stream??;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = TokioIo::new(stream);
        // A client may send the whole URL to any server, so over HTTPS it does not ask for the proxy.
        let service = service_fn(|call: hyper::Request<Incoming>| {
            let (server, connection) = (Arc::clone(&self), connection.clone());
            async move { server.call(call, client, connection).await }
        });
        if is_http2 {
            let mut serving = pin!(self.http2.serve_connection(stream, service));
            if let Some(served) = self.until_stop(serving.as_mut()).await {
                return Ok(served?);
            }
            serving.as_mut().graceful_shutdown();
            return Ok(serving.await?);
        }
        let mut serving = pin!(self.http1.serve_connection(stream, service));
        if let Some(served) = self.until_stop(serving.as_mut()).await {
            return Ok(served?);
        }
        serving.as_mut().graceful_shutdown();
        Ok(serving.await?)
    }

    /// Answers one call.
    async fn call(
        &self,
        call: hyper::Request<Incoming>,
        client: ClientIp,
        connection: Connection,
    ) -> io::Result<Response> {
        let is_http2 = call.version() == Version::HTTP_2;
        let mut call = call.map(Body::new);
        let arrival = Arrival::new(&self.state, client, connection.clone());
        call.extensions_mut().insert(arrival);
        let answer = self.calls.track_future(self.router.clone().call(call));
        let Ok(answer) = match is_http2 {
            // hyper drops the future when the client cancels the call, but a call runs to completion.
            true => tokio::spawn(answer).await?,
            false => answer.await,
        };
        if answer.extensions().get::<ResetConnection>().is_some() {
            // Over HTTP/2, only the call's stream is reset: other calls share the connection.
            if !is_http2 {
                connection.reset();
            }
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(answer)
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

    /// Logs at most one line in a second, because a client may try again and again.
    fn warn_of_tls(&self) {
        let second = self.state.started.elapsed().as_secs() + 1;
        if self.last_tls_warning.swap(second, Ordering::Relaxed) != second {
            warn!(
                "a client spoke TLS (https) to this port, which serves plain HTTP: use http://, or set tls.listen"
            );
        }
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
