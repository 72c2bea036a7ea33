# A static binary in an image that holds nothing else. amd64 and arm64: each is built on its own
# platform (docker buildx build --platform linux/amd64,linux/arm64 .), with no cross-compiler.
FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY . .
# glibc linked statically: nothing is looked up at run time but the address to listen on. With an
# explicit target, the flag does not reach build scripts and macros, which cannot be static.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target" \
    && cp "target/$target/release/tencent-chat-emulator" /tencent-chat-emulator

FROM scratch
COPY --from=build /tencent-chat-emulator /tencent-chat-emulator
# Inside a container, loopback would be reached by nobody.
ENV EMULATOR__LISTEN=0.0.0.0:8080
# A container's port is reached by whom its user lets in; set a token where that is not enough.
ENV EMULATOR__CONTROL__TOKEN=none
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-interval=100ms --start-period=5s \
    CMD ["/tencent-chat-emulator", "health"]
ENTRYPOINT ["/tencent-chat-emulator"]
