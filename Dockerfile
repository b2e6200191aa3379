# The server in an image of its own: one static binary, CA certificates, no shell, not root.
# docs/deployment.md tells how to run it.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
    -ldflags "-s -w -X personae.dev/internal/server.version=$VERSION" \
    -o /out/usr/local/bin/personae ./cmd/personae
RUN mkdir -p /out/data /out/doc && scripts/licences /out/doc

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="personae" \
      org.opencontainers.image.description="The open library of a go-to-market team: buyer personas and what belongs to them" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/usr/local/bin/personae /usr/local/bin/personae
COPY --from=build /out/doc /usr/share/doc/personae
# A new volume takes the owner of this folder: 65532 is the image's nonroot user.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 7070
# Variables and not flags, so that the other commands work on the same server and database.
ENV PERSONAE_LISTEN=0.0.0.0:7070 PERSONAE_DATABASE=/data/personae.db
# After a SIGTERM the server drains for 5 s (PERSONAE_DRAIN), and ends within 10 s more.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["personae", "healthcheck"]
ENTRYPOINT ["personae"]
CMD ["serve"]
