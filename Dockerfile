ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /venv && python -m venv --without-pip /tools
WORKDIR /source
# `image` has what every source needs, Redis and SQL included; `--build-arg REQUIREMENTS=runtime` leaves their engines out.
ARG REQUIREMENTS=image
COPY requirements/image.txt requirements/runtime.txt requirements/build.txt requirements/
# In an own layer: the code changes more often than what it needs. pip and the build tools stay out of /venv.
RUN pip --python /venv/bin/python install --no-deps --require-hashes -r "requirements/${REQUIREMENTS}.txt" \
    && pip --python /tools/bin/python install --no-deps --require-hashes -r requirements/build.txt \
    # Sources that one engine's wheel carries beside what was made of them: 13 MB that nothing reads. What was compiled of another
    # engine's modules takes 10 MB, and saves those who have a database as a source half a second at a start.
    && find /venv \( -name '*.c' -o -path '*/sqlalchemy/*.pyc' \) -delete
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN pip --python /tools/bin/python wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /venv/bin/python install --no-deps --no-index /wheels/*.whl \
    && install -d -m 0750 -o 10040 -g 10040 /state

FROM python:${PYTHON}
ARG PYTHON
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="leadsquared-exporter" \
      org.opencontainers.image.description="Watches LeadSquared asynchronous requests and tells Prometheus what became of them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="docker.io/library/python:${PYTHON}"
# Nothing here installs packages, and nobody who gets in should find what does.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LEADSQUARED_EXPORTER_REVISION=${REVISION} \
    LEADSQUARED_EXPORTER_CONFIG_FILE=/etc/leadsquared-exporter/config.yaml
COPY --from=build /venv /venv
COPY --from=build --chown=10040:10040 /state /var/lib/leadsquared-exporter
# A number, so that Kubernetes can see that it is not root. All that is written goes to the volume.
USER 10040:10040
WORKDIR /var/lib/leadsquared-exporter
VOLUME /var/lib/leadsquared-exporter
EXPOSE 10040
# LEADSQUARED_EXPORTER_URL tells it where to look when the exporter listens elsewhere, or speaks TLS.
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["leadsquared-exporter", "healthcheck"]
ENTRYPOINT ["leadsquared-exporter"]
