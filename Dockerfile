# Both daemons and what they need to run, in one image; docs/image.md. `make image` builds it where no registry answers.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# The last line is what the image takes programs from.
RUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      ccache cmake g++ ninja-build pkg-config protobuf-compiler protobuf-compiler-grpc python3 \
      libabsl-dev libblkid-dev libcli11-dev libgrpc++-dev libprotobuf-dev librados-dev libradospp-dev librbd-dev \
      libspdlog-dev libssl-dev nlohmann-json3-dev prometheus-cpp-dev \
      e2fsprogs xfsprogs >/dev/null && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
COPY CMakeLists.txt LICENSE /src/
COPY csi /src/csi
COPY controller /src/controller
COPY node /src/node
# No path and no time of the build in the daemons. Symbols are resolved at the start, tables are read-only from then on.
# /ccache may be a volume of the builder's.
RUN export SOURCE_DATE_EPOCH=0 CCACHE_DIR=/ccache CCACHE_SLOPPINESS=pch_defines,time_macros && \
    export CXXFLAGS='-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fpch-preprocess' && \
    export CXXFLAGS="$CXXFLAGS -ffile-prefix-map=/src=. -ffile-prefix-map=/build=." && \
    export LDFLAGS='-s -Wl,-z,relro,-z,now' && \
    cmake -S /src -B /build -G Ninja -DRBDCSI_TESTS=OFF -DRBDCSI_PRECOMPILE=ON \
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' >/dev/null && \
    cmake --build /build --target rbd-csi-controller rbd-csi-node && \
    mv /build/bin /daemons && rm -rf /build
COPY tests/image/collect.py /src/tests/image/
RUN python3 /src/tests/image/collect.py /daemons /src/LICENSE /image

FROM scratch
ARG VERSION=0 REVISION=unknown CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="rbd-csi" \
      org.opencontainers.image.description="CSI driver for Ceph RBD: rbd-csi-controller and rbd-csi-node" \
      org.opencontainers.image.source="https://github.com/rbd-csi/rbd-csi" \
      org.opencontainers.image.documentation="https://github.com/rbd-csi/rbd-csi/blob/main/docs/image.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="rbd-csi" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV PATH=/usr/sbin:/usr/bin
COPY --from=build /image/ /
# The controller; the chart runs the node plugin as root.
USER 65532:65532
