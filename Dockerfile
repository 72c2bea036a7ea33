# An image that contains only a static binary. Each platform builds its own image, without a
# cross-compiler: docker buildx build --platform linux/amd64,linux/arm64 .
FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY . .
# Links glibc statically. The explicit target keeps the flag from build scripts and procedural macros,
# which cannot be static.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target" \
    && cp "target/$target/release/tencent-chat-emulator" /tencent-chat-emulator

FROM scratch
COPY --from=build /tencent-chat-emulator /tencent-chat-emulator
# Loopback inside a container cannot be reached from outside.
ENV EMULATOR__LISTEN=0.0.0.0:8080
# Clients can connect only if the container's port is published. If that is not enough, set a token.
ENV EMULATOR__CONTROL__TOKEN=none
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-interval=100ms --start-period=5s \
    CMD ["/tencent-chat-emulator", "health"]
ENTRYPOINT ["/tencent-chat-emulator"]
