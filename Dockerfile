# The image of the service. How to build and run it: docs/containers.md.
# Any glibc base can replace these, as long as its libc is at least as new as the one of the build image. The runtime
# needs libc with its resolver (NSS), libgcc_s and CA certificates, and no shell.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-trixie
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

# Builds the dependencies alone: this layer stays as it is until Cargo.toml or Cargo.lock changes.
FROM ${RUST_IMAGE} AS dependencies
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
  && echo 'fn main() {}' >src/main.rs \
  && echo '//! Stands in for the crate.' >src/lib.rs \
  && cargo build --release --locked \
  && cargo clean --release --package autolog

FROM dependencies AS build
COPY docs/architecture.md docs/architecture.md
COPY migrations migrations
COPY src src
ARG AUTOLOG_BUILD_REVISION=unknown
RUN cargo build --release --locked --bin autolog \
  && mkdir -p /image/data

FROM ${RUNTIME_IMAGE}
ARG RUNTIME_IMAGE
ARG AUTOLOG_BUILD_REVISION=unknown
LABEL org.opencontainers.image.title="autolog" \
  org.opencontainers.image.description="Turns verbose logging on for the application that is in trouble, and always off again" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="${AUTOLOG_BUILD_REVISION}" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
COPY --from=build /src/target/release/autolog /usr/local/bin/autolog
# A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /image/data /data
ENV AUTOLOG_LISTEN=0.0.0.0:5000 \
  AUTOLOG_ADMIN_LISTEN=0.0.0.0:5001 \
  AUTOLOG_DATA_DIR=/data
USER 65532:65532
WORKDIR /
VOLUME ["/data"]
EXPOSE 5000 5001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/usr/local/bin/autolog", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/autolog"]
CMD ["serve"]
