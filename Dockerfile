# Two stages: a static binary, and an image with nothing else in it, run by an unprivileged user.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/bin/starkd /usr/local/bin/starkd
USER nonroot:nonroot
VOLUME ["/home/nonroot/.starkd"]
EXPOSE 5050 5051 26656 26657 26660
ENTRYPOINT ["starkd"]
CMD ["start"]
