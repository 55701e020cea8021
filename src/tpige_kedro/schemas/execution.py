"""How a run works: failures, CPU threads, engines, signatures, MLflow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tpige_kedro.schemas.base import GiB, Settings


class Provenance(Settings):
    """How clips say that they are AI-made, beyond the XMP that each carries: paths of a C2PA certificate chain and its key (PEM).

    ``algorithm`` is that of the key. The extra ``c2pa`` has to be installed.
    """

    certificate: str | None = None
    private_key: str | None = None
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"

    @model_validator(mode="after")
    def _both_or_none(self) -> Provenance:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together: set both or neither")
        return self


class Execution(Settings):
    """How a run handles failures and CPU threads, and which engine processes items.

    It ends with an error if more than ``max_failures`` items failed. ``threads`` are the CPU threads of the networks;
    None takes torch's default. ``engine``: ``local`` makes one item after another in this process, ``processes`` has workers on this
    machine, ``ray`` here or on a cluster. The rest is about those two: ``workers`` of ``gpus_per_worker`` each (auto: as many as there
    are GPUs for) and ``cpu_workers`` more without a GPU, for models with the option ``device: cpu``; ``address`` of a cluster (ray; None:
    this machine); how often a job is tried if its worker dies (``tries``), how many seconds one try may take (``time_limit``), and
    how much host memory a worker may use (``worker_gib``).
    """

    max_failures: Annotated[int, Field(ge=0)] = 0
    threads: Annotated[int, Field(ge=1)] | None = None
    engine: Literal["local", "processes", "ray"] = "local"
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    cpu_workers: Annotated[int, Field(ge=0)] = 0
    gpus_per_worker: Annotated[int, Field(ge=1)] = 1
    address: str | None = None
    tries: Annotated[int, Field(ge=1, le=100)] = 3
    time_limit: Annotated[float, Field(gt=0)] | None = None
    worker_gib: GiB | None = None


class MlflowChange(Settings):
    """What the command line changes in ``mlflow.yml`` for one run."""

    enabled: bool | None = None
    required: bool | None = None
