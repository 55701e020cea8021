"""A generator spread over several GPUs of this machine: a process each, and one that the pipelines talk to."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tpige_kedro.errors import ModelError, TpigeError
from tpige_kedro.models import load_class
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

Outcome = tuple[ClipRequest, GeneratedClip | Exception]
PATIENCE = timedelta(minutes=30)  # for a rank that others wait for


class SeveralGpus:
    """Makes each clip on ``gpus`` GPUs at once; the clips are those of one GPU up to rounding.

    Only this process writes: rank 0 sends it the clips, so ``kedro run`` is started as always. The other processes end with this
    object. If one of them fails, all are stopped, and the next call starts new ones.

    Args:
        source, revision: as the generator takes them.
        generator: dotted path of the class, for instance ``tpige_kedro.video_generators.wan_vace.WanVace``.
        gpus: how many.
        split: ``context`` splits the tokens of every forward, ``branches`` runs each branch of the guidance on its own GPU.
        options: the other options of the generator, without ``parallel`` and ``offload``; ``device: cpu`` is for trying it out.

    Raises:
        ModelError, ValueError: what the generator itself raises, or a process died.
    """

    version: ClassVar[int] = 1  # of sharing the work; that of ``generator`` counts too
    class_options: ClassVar[tuple[str, ...]] = ("generator",)
    own_options: ClassVar[tuple[str, ...]] = ("parallel", "offload")  # not to be set in conf

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        *,
        generator: str,
        gpus: Annotated[int, Field(ge=2)],
        split: Literal["context", "branches"],
        **options: Any,
    ) -> None:
        if gpus < 2:
            raise ValueError(f"gpus: must be 2 or more, got {gpus}")
        if split not in {"context", "branches"}:
            raise ValueError(f"split: must be 'context' or 'branches', got {split!r}")
        parallel = {"context": gpus} if split == "context" else {"branches": True}
        self._build = generator, {**options, "source": source, "revision": revision}
        self._build[1]["parallel"] = parallel
        self._gpus, self._device = gpus, options.get("device")
        self._ranks: list[tuple[Any, Connection]] = []
        self._end: Any = None
        self._start()

    def generate(self, requests: Sequence[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """See :class:`~tpige_kedro.video_generators.protocol.VideoGenerator`; :class:`ModelError` if a process fails."""
        if not self._ranks:
            self._start()
        for index, outcome in self._ask((list(requests), guidance)):
            yield requests[index], outcome

    def close(self) -> None:
        """End the processes."""
        if self._end is not None:
            self._end()
        self._ranks, self._end = [], None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        address = f"tcp://127.0.0.1:{_free_port()}"
        for rank in range(self._gpus):
            here, there = context.Pipe()
            process = context.Process(
                target=_serve,
                args=(rank, self._gpus, address, self._device, self._build, there),
                daemon=True,
            )
            process.start()
            there.close()
            self._ranks.append((process, here))
        self._end = weakref.finalize(self, _stop, self._ranks)
        for _ in self._ask(None):
            pass

    def _ask(self, question: object) -> Iterator[tuple[int, GeneratedClip | Exception]]:
        """Send a question (none: wait until the model is loaded) to all ranks and pass on what rank 0 makes, until all are done."""
        waiting: dict[Any, int] = {pipe: rank for rank, (_, pipe) in enumerate(self._ranks)}
        try:
            for connection in waiting if question else ():
                connection.send(question)
            while waiting:
                ready: list[Any] = wait(list(waiting))
                for connection in ready:
                    kind, value = self._receive(connection, waiting[connection])
                    if kind == "clip":
                        yield value
                    else:
                        del waiting[connection]
        except OSError as error:
            raise ModelError(f"several_gpus: a process died ({error})") from error
        finally:
            if waiting:  # the ranks may be anywhere in the run
                self.close()

    def _receive(self, connection: Connection, rank: int) -> tuple[str, Any]:
        try:
            kind, value = connection.recv()
        except EOFError:
            raise ModelError(
                f"several_gpus: the process of GPU {rank} died; its output above says why"
            ) from None
        if kind != "failed":
            return kind, value
        name, text = value
        if name in {"ValueError", "ModelError"}:  # of settings: as on one GPU
            raise ValueError(text) if name == "ValueError" else ModelError(text)
        raise ModelError(f"several_gpus: GPU {rank} failed ({name}: {text})")


def _serve(
    rank: int,
    ranks: int,
    address: str,
    device: str | None,
    build: tuple[str, dict[str, Any]],
    connection: Connection,
) -> None:
    """The life of one process: build the generator, then make what is asked for; rank 0 sends the clips."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all; the first process ends the others
    try:
        generator = _join(rank, ranks, address, device, build)
        connection.send(("done", None))
        while True:
            requests, guidance = connection.recv()
            places = {id(request): index for index, request in enumerate(requests)}
            for request, outcome in generator.generate(requests, guidance):
                if rank == 0:
                    connection.send(("clip", (places[id(request)], _whole(outcome))))
                del outcome  # the other ranks need not decode what nobody holds
            connection.send(("done", None))
    except EOFError:  # the other end is gone
        return
    except Exception as error:  # of whatever kind: it is raised again where the pipelines run
        name = "ValueError" if isinstance(error, ValueError) else type(error).__name__
        connection.send(("failed", (name, str(error))))
        with suppress(
            EOFError
        ):  # stay until the end: the others would fail too, and hide the reason
            connection.recv()


def _whole(outcome: GeneratedClip | Exception) -> GeneratedClip | Exception:
    """The clip with all its frames, or why they cannot be decoded."""
    try:
        if isinstance(outcome, GeneratedClip):
            outcome.frames  # noqa: B018
    except TpigeError as error:
        return error
    return outcome


def _join(
    rank: int, ranks: int, address: str, device: str | None, build: tuple[str, dict[str, Any]]
) -> Any:
    import torch
    import torch.distributed as dist

    on_gpu = device != "cpu"
    if on_gpu:
        torch.cuda.set_device(rank)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        init_method=address,
        rank=rank,
        world_size=ranks,
        timeout=PATIENCE,
    )
    path, options = build
    return load_class(path)(**{**options, "device": f"cuda:{rank}" if on_gpu else "cpu"})


def _stop(ranks: list[tuple[Any, Connection]]) -> None:
    for _, connection in ranks:
        connection.close()  # at which an idle rank ends by itself
    for process, _ in ranks:
        process.join(timeout=2)
    for process, _ in ranks:
        process.terminate()  # one that waits for a rank that died
        process.join(timeout=10)
        if process.is_alive():
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
