"""``kedro rehearse``: an environment with random weights at full size, run and measured before the real ones are downloaded."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.readable import readable
from tpige_kedro.console import echo
from tpige_kedro.files.sizes import readable_size

if TYPE_CHECKING:
    from tpige_kedro.rehearsal.settings import Settings

PREFIX = "tpige-rehearsal-"
ROOM = 1.02  # results, tokenizers, configs


@click.command()
@env_option
@click.option("--scale", type=click.Choice(["full", "tiny"]), default="full", show_default=True)
@click.option(
    "--scratch",
    type=click.Path(file_okay=False),
    help="Where the weights are built, in a new folder.",
)
@click.option(
    "--samples", type=click.IntRange(1, 8), default=1, show_default=True, help="Demo samples."
)
@click.option(
    "--steps",
    type=click.IntRange(2),
    default=3,
    show_default=True,
    help="Steps per clip and image.",
)
@click.option("--models", default="", help="Only these keys of models, separated by commas.")
@click.option(
    "--gpu-limit",
    type=click.FloatRange(min=0.1),
    help="GPU memory to use, in GiB, to imitate a smaller card.",
)
@click.option(
    "--for-samples",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Number of samples of the estimated run.",
)
@click.option(
    "--to",
    type=click.Path(dir_okay=False),
    help="Write the table to NAME.json and NAME.md.",
)
@click.option("--conf-source", help="Path of the folder with the configuration.")
@click.option(
    "--apart",
    is_flag=True,
    help="Run each stage in its own process, also with --scale tiny.",
)
@click.option("--yes", is_flag=True, help="Build without asking, as --scale tiny does anyway.")
@click.option("--keep", is_flag=True, help="Keep the scratch folder.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an error above its message.")
def rehearse(
    env: str | None,
    scratch: str | None,
    to: str | None,
    models: str,
    yes: bool,
    keep: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Run one sample through every stage with random weights in the published layouts, and say what a full run takes.

    Each stage's weights are built in a scratch folder, used and deleted. Nothing is downloaded and no service is contacted. Ends with
    code 1 if something did not fit or failed.
    """
    from tpige_kedro.rehearsal.rehearse import Rehearsal
    from tpige_kedro.rehearsal.scratch import Scratch
    from tpige_kedro.rehearsal.settings import Settings

    chosen = tuple(filter(None, (name.strip() for name in models.split(","))))
    settings = Settings(env=env, models=chosen, **options)
    with readable({"env": env, "conf_source": options["conf_source"]}, verbose):
        try:
            rehearsal = Rehearsal.of(settings)
        except ValueError as error:
            raise ClickException(str(error)) from error
        look_at_gpu(settings, full_size=not settings.tiny and rehearsal.largest() > 0)
        where = Path(scratch or tempfile.gettempdir()).absolute()
        show_size(rehearsal.largest(), where)
        if rehearsal.largest() and not (yes or settings.tiny):
            click.confirm("Build them?", abort=True)
        where.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
        with terminable():
            try:
                report = rehearsal.run(Scratch(root), echo, Path(to).absolute() if to else None)
            finally:
                if not keep:
                    Scratch(root).remove()
        echo(f"\n{report.text()}\n")
        echo(f"{root} is kept" if keep else f"{root} is deleted")
        if to:
            echo(f"written: {', '.join(map(str, report.files(Path(to))))}")
    if report.problems:
        sys.exit(1)


def look_at_gpu(settings: Settings, full_size: bool) -> None:
    """Say what is to be expected without a GPU; refuse to limit one that is not there."""
    if settings.gpu_limit is None and not full_size:
        return
    if not (why := why_no_gpu()):
        return
    if settings.gpu_limit is not None:
        raise ClickException(f"--gpu-limit: no GPU ({why}), so there is nothing to limit")
    echo(
        f"no GPU ({why}): networks of full size take hours on the CPU, and options that say cuda fail; --scale tiny shows in a minute or "
        "two that every stage runs"
    )


def why_no_gpu() -> str:
    """Why torch sees no GPU; empty if it sees one. Takes no memory of it."""
    import torch

    from tpige_kedro.execution.machine import gpus

    return "" if torch.cuda.device_count() else gpus().absent


def show_size(size: int, where: Path) -> None:
    """Say how much room the weights take, and refuse if there is less."""
    if not size:
        echo("no weights to build: the models ship with the project, or are services")
        return
    existing = next(folder for folder in [where, *where.parents] if folder.exists())
    free = shutil.disk_usage(existing).free
    echo(
        f"random weights of up to {readable_size(size)} at a time in {where}, where {readable_size(free)} are free"
    )
    if size * ROOM > free:
        raise ClickException(
            f"{where} has {free / 1e9:.1f} GB free of the {size / 1e9:.1f} GB that are needed; set --scratch to a larger disk, or "
            "rehearse fewer models at a time with --models"
        )


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C, so that the scratch is deleted."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
