# Tidemark's own programs: Spark driver, simulator, page, API and the MLflow server, one image.
FROM eclipse-temurin:17-jdk-noble AS jars
RUN apt-get update && apt-get install --yes --no-install-recommends maven && rm -rf /var/lib/apt/lists/*
COPY conf/jars/spark.xml /build/spark.xml
RUN mvn --quiet --batch-mode --file /build/spark.xml \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=/build/spark

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home tidemark \
    && install --directory --owner tidemark /app /var/lib/tidemark /var/lib/mlflow
USER tidemark
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH SPARK_CONF_DIR=/app PYSPARK_PYTHON=/app/.venv/bin/python TZ=UTC \
    PYTHONUNBUFFERED=1 TIDEMARK_PROFILE=cluster
COPY --chown=tidemark requirements-uv.lock requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements-uv.lock \
    && .venv/bin/uv pip sync --no-cache --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
COPY --chown=tidemark --from=jars /build/spark .tidemark/jars/spark
COPY --chown=tidemark . .
RUN .venv/bin/uv pip install --no-cache --python .venv/bin/python --no-deps --no-build-isolation --editable .
