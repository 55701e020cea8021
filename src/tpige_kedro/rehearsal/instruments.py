"""Measures the product's own code while it runs: what is loaded, each item, each step of sampling, each call of a model."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any
from unittest.mock import patch

from tpige_kedro.rehearsal.forwards import forwards
from tpige_kedro.rehearsal.memory import Gpu
from tpige_kedro.schemas import ModelSpec

MODELS = "tpige_kedro.models"
TEXT_ENCODER = ("tpige_kedro.video_generators.wan", "load_text_encoder")
SCHEDULERS = ("UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler", "FlowMatchLCMScheduler")
CALLS = ("read_face", "rewrite_prompt", "compare", "score")  # one item a call
STREAMS = ("generate", "edit")  # many items a call


@dataclass
class Load:
    """Something that was loaded."""

    what: str
    seconds: float


@dataclass
class Call:
    """One call of a model that answers at once."""

    model: str
    what: str
    seconds: float
    failed: str = ""


@dataclass
class Item:
    """One clip or picture: seconds until it was made (loading apart) and saved, and the gaps between its steps."""

    model: str
    run: int  # which call of generate or edit: a variant each
    made: float
    saved: float = 0.0
    steps: list[float] = field(default_factory=list)  # seconds of each step but the first
    failed: str = ""
    peak: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """One call of ``generate`` (of one variant) or ``edit``: forwards per step, as run here and at the configured steps."""

    model: str
    forwards: list[int] = field(default_factory=list)
    full: list[int] = field(default_factory=list)


@dataclass
class Seen:
    """Everything that was measured."""

    loads: list[Load] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Instruments:
    """Puts clocks around models; ``names`` are the keys of ``models`` by type, ``steps`` the configured ones by model."""

    def __init__(
        self, gpu: Gpu, names: Callable[[ModelSpec], str], steps: Mapping[str, int]
    ) -> None:
        self.seen = Seen()
        self._gpu, self._names, self._full = gpu, names, steps
        self._marks: list[float] = []  # when the steps of the item in work ended
        self._loading = 0.0  # seconds of loading within the item in work

    @contextmanager
    def watching(self) -> Iterator[Seen]:
        """Measure what happens inside."""
        import diffusers

        models: Any = import_module(MODELS)
        with ExitStack() as stack:
            stack.enter_context(
                patch.object(models, "load_model", self._timed_load(models.load_model))
            )
            module, name = import_module(TEXT_ENCODER[0]), TEXT_ENCODER[1]
            stack.enter_context(patch.object(module, name, self._timed_part(getattr(module, name))))
            for scheduler in SCHEDULERS:
                cls = getattr(diffusers, scheduler)
                stack.enter_context(patch.object(cls, "step", self._marked(cls.step)))
            yield self.seen

    def _timed_load(self, load: Callable[[ModelSpec], Any]) -> Callable[[ModelSpec], Any]:
        def timed(spec: ModelSpec) -> Any:
            started = time.perf_counter()
            model = load(spec)
            self._gpu.wait()
            name = self._names(spec)
            self.seen.loads.append(Load(name, time.perf_counter() - started))
            return self._watched(model, name)

        return timed

    def _timed_part(self, load: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            part = load(*arguments, **options)
            seconds = time.perf_counter() - started
            self._loading += seconds
            self.seen.loads.append(Load("text encoder", seconds))
            return part

        return timed

    def _marked(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def marked(*arguments: Any, **options: Any) -> Any:
            result = step(*arguments, **options)
            self._gpu.wait()
            self._marks.append(time.perf_counter())
            return result

        return marked

    def _watched(self, model: object, name: str) -> Any:
        """``model`` with clocks around its methods; weakly bound, so that it is freed when the product lets it go."""
        there = weakref.ref(model)
        for what in CALLS:
            if hasattr(model, what):
                setattr(model, what, self._timed_call(name, what, there))
        for what in STREAMS:
            if hasattr(model, what):
                setattr(model, what, self._timed_items(name, what, there))
        return model

    def _timed_call(self, name: str, what: str, there: Callable[[], Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            model = there()
            started, failed = time.perf_counter(), ""
            try:
                return getattr(type(model), what)(model, *arguments, **options)
            except Exception as error:
                failed = f"{type(error).__name__}: {error}"
                raise
            finally:
                self._gpu.wait()
                self.seen.calls.append(Call(name, what, time.perf_counter() - started, failed))

        return timed

    def _timed_items(self, name: str, what: str, there: Callable[[], Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Iterator[Any]:
            number = len(self.seen.runs)
            self.seen.runs.append(self._run(name, there(), arguments))
            outcomes = getattr(type(there()), what)(there(), *arguments)
            while True:
                self._marks, self._loading = [], 0.0
                self._gpu.start()
                started = time.perf_counter()
                try:
                    outcome = next(outcomes)
                except StopIteration:
                    return
                self._gpu.wait()
                made = time.perf_counter()
                gaps = [b - a for a, b in zip(self._marks, self._marks[1:], strict=False)]
                failed = str(outcome[1]) if isinstance(outcome[1], Exception) else ""
                item = Item(
                    name,
                    number,
                    made - started - self._loading,
                    0.0,
                    gaps,
                    failed,
                    self._gpu.peak(),
                )
                self.seen.items.append(item)
                yield outcome
                outcome = None  # an error's traceback holds the model
                item.saved = time.perf_counter() - made
                item.peak = (
                    self._gpu.peak()
                )  # decoding counts too, which is done as frames are taken

        return timed

    def _run(self, name: str, model: object, arguments: tuple[Any, ...]) -> Run:
        here = int(getattr(_options(model), "steps", 0))
        full = self._full.get(name, here)
        guider = getattr(model, "guider", None)
        if guider is None:  # an editor: every step is the same
            return Run(name, [1] * here, [1] * full)
        return Run(name, forwards(guider(arguments[1]), here), forwards(guider(arguments[1]), full))


def _options(model: object) -> Any:
    generator = getattr(model, "generator", model)  # VaceStill has one inside
    return getattr(generator, "options", None)
