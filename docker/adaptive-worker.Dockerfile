# syntax is plain enough for docker, podman and buildah. From here to "packages" the same in every Dockerfile of this folder.
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE} AS base
RUN echo "modelops:x:10001:10001:ModelOps:/tmp:/usr/sbin/nologin" >> /etc/passwd && echo "modelops:x:10001:" >> /etc/group
ENV PATH=/opt/modelops/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

FROM base AS tools
COPY requirements/build.lock /src/requirements/
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir --require-hashes -r /src/requirements/build.lock

FROM tools AS code
COPY pyproject.toml README.md /src/
COPY modelops_runtime /src/modelops_runtime
COPY scripts /src/scripts
COPY charts /src/charts
RUN /opt/tools/bin/pip install --no-cache-dir --no-build-isolation --no-deps --target /opt/code /src && rm -rf /opt/code/bin

FROM tools AS packages
COPY requirements/image-adaptive.lock /src/requirements/
RUN python3 -m venv --without-pip /opt/modelops \
    && /opt/tools/bin/pip --python /opt/modelops install --no-cache-dir --require-hashes -r /src/requirements/image-adaptive.lock \
    && echo /opt/code > "$(/opt/modelops/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/modelops.pth"

FROM base
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modelops-adaptive-worker" \
      org.opencontainers.image.description="An adaptive worker of a ModelOps run: asks, scores, keeps the ledger" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=packages /opt/modelops /opt/modelops
COPY --from=code /opt/code /opt/code
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["python", "-m", "modelops_runtime.pods.worker"]
