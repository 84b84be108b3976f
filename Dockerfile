# One image for every role: `up` (web server and workers), `work` (workers only), or any management command.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 DATA_DIR=/data
WORKDIR /app

COPY config/constraints.txt config/
COPY pyproject.toml README.md ./
RUN mkdir -p broadcasts && touch broadcasts/__init__.py config/__init__.py && pip install -c config/constraints.txt .
COPY . .
RUN useradd --system --uid 1000 broadcasts && mkdir -m 700 /data && chown broadcasts /data

USER broadcasts
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "manage.py"]
CMD ["up", "--host", "0.0.0.0"]
