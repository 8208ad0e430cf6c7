# The gateway alone: no sandbox, no shell, no root. A sandbox for trying it out: docker build --build-arg FEATURES=sandbox .
ARG RUST=1.95
FROM rust:${RUST}-bookworm AS build
ARG FEATURES=""
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p turnpike --bin turnpike --no-default-features --features "$FEATURES" \
    && install -D target/release/turnpike /out/usr/local/bin/turnpike \
    && install -d /out/var/lib/turnpike

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=nonroot:nonroot /out/var/lib/turnpike /var/lib/turnpike
COPY --from=build /out/usr/local/bin/turnpike /usr/local/bin/turnpike
# SQLite's books and the embedded core's file are here, where they are used; with Postgres and a core of one's own nothing is.
WORKDIR /var/lib/turnpike
VOLUME /var/lib/turnpike
# Agents come from outside. The operators' listener stays on loopback: `docker exec ... turnpike doctor` is inside, as is the health check.
ENV TURNPIKE_SERVER__LISTEN=0.0.0.0:8402
EXPOSE 8402
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/usr/local/bin/turnpike", "health"]
ENTRYPOINT ["/usr/local/bin/turnpike"]
CMD ["serve"]
