# The laptop run on CPU. UNTESTED: written without a container engine at hand.
#   docker build -t tpige .
#   docker run --rm -v "$PWD/results:/app/results" tpige
# then open results/08_reporting/report.html
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 DO_NOT_TRACK=1 MLFLOW_TRACKING_URI=sqlite:////app/results/mlflow.db
WORKDIR /app

RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*

# the CPU build first, so that the project does not pull the CUDA one (3 GB more)
RUN pip install "torch==2.13.*" --index-url https://download.pytorch.org/whl/cpu

COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install -e .

COPY .telemetry ./
COPY conf conf
COPY data data

RUN mkdir results
CMD ["kedro", "run", "--pipelines=full", "--params=data_root=/app/results"]
