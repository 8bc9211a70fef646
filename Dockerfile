# cityops with its own PostgreSQL inside, for those who prefer an image to `make run`.
# With CITYOPS_DATABASE_URL the database inside stays unused.

FROM node:24-bookworm-slim AS map
WORKDIR /src
COPY webmap/package.json webmap/package-lock.json webmap/.npmrc ./
RUN npm ci --no-fund --no-audit
COPY webmap ./
RUN npm run build

FROM debian:bookworm-slim
RUN apt-get update \
 && mkdir -p /etc/postgresql-common/createcluster.d \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/cityops.conf \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates fonts-noto-cjk python3 python3-venv \
      postgresql-15 postgresql-15-postgis-3 postgresql-15-pgrouting \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 cityops
WORKDIR /src
COPY . .
COPY --from=map /src/dist webmap/dist
# The lock holds the versions; only what cityops needs at run time is installed from it.
RUN python3 -m venv /opt/cityops \
 && /opt/cityops/bin/pip install --no-cache-dir --constraint requirements.txt . \
 && ln -s /opt/cityops/bin/cityops /usr/local/bin/cityops \
 && rm -rf /src/* \
 && install -d -o cityops /city
# PostgreSQL refuses to run as root, and nothing here needs to be root.
USER cityops
WORKDIR /city
ENV CITYOPS_HOME=/city CITYOPS_HOST=0.0.0.0 CITYOPS_PORT=8000
VOLUME /city
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=5m --interval=30s --timeout=5s \
  CMD ["/opt/cityops/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["cityops", "demo"]
