FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# PDF (依頼文書, receipts, the page for management) needs a font that holds Japanese.
RUN apt-get update && apt-get install --no-install-recommends -y fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*

# First what changes rarely: a change of the code leaves this layer alone.
COPY requirements.txt ./
RUN pip install --no-deps --require-hashes --requirement requirements.txt

COPY client ./client
COPY contracts ./contracts
COPY migrations ./migrations
COPY services ./services
COPY pyproject.toml alembic.ini README.md ./
RUN pip install --no-deps --no-build-isolation --no-index --editable client --editable . \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin rensho \
    && install -d -o rensho -g rensho -m 0700 /data /keys /guard

USER 10001
ENV RENSHO_HOST=0.0.0.0 RENSHO_DATA_DIR=/data RENSHO_KEYS_DIR=/keys
EXPOSE 8040
ENTRYPOINT ["renshod"]
CMD ["--help"]
