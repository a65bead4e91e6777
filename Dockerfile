# The service in an image: compiled, hash-pinned dependencies, no compiler in it, no shell tools, not
# root.
#
#   docker build -t cds-service .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -e CDS_OPEN=yes cds-service
#
# With tracing inside: docker build --build-arg LOCK=image-otel -t cds-service .
# As plain Python, which takes half as much again per call and builds without the C compiler, as for a
# processor that this machine only imitates: docker build --build-arg COMPILED= -t cds-service .

FROM python:3.13-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/cds
COPY requirements/ requirements/
ARG LOCK=image
RUN /opt/cds/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
    -r requirements/${LOCK}.txt
COPY pyproject.toml hatch_build.py README.md LICENSE NOTICE CHANGELOG.md ./
COPY cds_service/ cds_service/
COPY cards/ cards/
COPY samples/ samples/
ARG COMPILED=1
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r requirements/compile.txt -r requirements/runtime.txt \
    && HATCH_BUILD_HOOKS_ENABLE=${COMPILED} /opt/build/bin/python -m pip wheel \
        --no-build-isolation --no-deps --wheel-dir /wheels . \
    && /opt/cds/bin/python -m pip install --no-cache-dir --no-deps /wheels/*.whl \
    && /opt/cds/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim-bookworm
COPY --from=build /opt/cds /opt/cds
# A number and not a name, so that Kubernetes can see that it is not root.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/opt/cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CDS_BIND=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["cds-service"]
CMD ["serve"]
