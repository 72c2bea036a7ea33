# An image that contains only a static binary. Each platform builds its own image, without a
# cross-compiler: docker buildx build --platform linux/amd64,linux/arm64 .
FROM rust:1-slim-bookworm AS build
WORKDIR /build
# Links glibc statically. With a target, build scripts and procedural macros, which cannot be static, are
# built without this flag.
ENV RUSTFLAGS="-C target-feature=+crt-static" CARGO_BUILD_TARGET=host-tuple
# The dependencies have their own layer, which changes only with these two files.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && touch src/lib.rs && echo 'fn main() {}' >src/main.rs && cargo build --release --locked
COPY config/emulator.toml config/
COPY src src
# Cargo compares times, and the copied files can be older than the empty ones.
RUN touch src/lib.rs src/main.rs && cargo build --release --locked \
    && mv target/*/release/tencent-chat-emulator / && mkdir -p /volume/data

FROM scratch
LABEL org.opencontainers.image.title="tencent-chat-emulator" \
      org.opencontainers.image.description="A stand-alone server that behaves like Tencent Cloud Chat's REST endpoint v4/sns/friend_add, for development and tests without the cloud" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /tencent-chat-emulator /
# /data is the user's own: mount a volume there to keep the CA, or accounts (EMULATOR__STATE_FILE=/data/state.json).
COPY --from=build --chown=65532:65532 /volume/ /
ENV EMULATOR__TLS__CA_DIRECTORY=/data
# Loopback inside a container cannot be reached from outside.
ENV EMULATOR__LISTEN=0.0.0.0:8080
# Clients can connect only if the container's port is published. If that is not enough, set a token.
# hadolint ignore=DL3064
ENV EMULATOR__CONTROL__TOKEN=none
# 8443 is for HTTPS: EMULATOR__TLS__LISTEN=0.0.0.0:8443.
EXPOSE 8080 8443
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-interval=0.1s --start-period=5s \
    CMD ["/tencent-chat-emulator", "health"]
ENTRYPOINT ["/tencent-chat-emulator"]
