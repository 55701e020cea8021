"""``kedro remake CLIP``: makes a clip again from the recipe that it carries, and says whether its frames come out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.params import split_params
from tpige_kedro.commands.readable import readable
from tpige_kedro.console import echo
from tpige_kedro.errors import ClipError
from tpige_kedro.hooks.errors import RunStopped

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("clip", type=FILE)
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the new clip (default: CLIP-remade.mp4 in the working directory).",
)
@click.option(
    "--reference",
    "references",
    type=FILE,
    multiple=True,
    help="The image that the clip was made from, if samples_root and data_root do not have it.",
)
@env_option
@click.option("--params", default="", callback=split_params, help="As for `kedro run`.")
@click.option("--conf-source", help="Path of the folder with the configuration.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
def remake(
    clip: Path,
    to: Path | None,
    references: tuple[Path, ...],
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
    verbose: bool,
) -> None:
    """Make CLIP again from the recipe inside it, and compare the frames.

    The model must be an entry of conf: the recipe says which one and with which settings, but never decides where anything is loaded from.
    Nothing below data_root is written.
    """
    with readable({"env": env, "conf_source": conf_source}, verbose):
        target = place_for(clip, to)
        remade(clip, target, references, env, params, conf_source)


def place_for(clip: Path, to: Path | None) -> Path:
    """Where the new clip goes: to a new file. Raises ``ClickException`` if it cannot go there."""
    target = to or Path(f"{clip.stem}-remade.mp4")
    if target.suffix.lower() != ".mp4":
        raise ClickException(f"--to: {target} does not end in .mp4; add it")
    if target.exists():
        raise ClickException(f"{target} exists; delete it, or name another file with --to")
    if not target.absolute().parent.is_dir():
        raise ClickException(f"--to: {target.parent} is not a directory; make it first")
    return target


def remade(
    clip: Path,
    target: Path,
    given: tuple[Path, ...],
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
) -> None:
    """Read, check, make, compare; each step says what it found."""
    from tpige_kedro.provenance.recipe import read_recipe
    from tpige_kedro.remaking.comparing import compared
    from tpige_kedro.remaking.make import make_clip, other_surroundings
    from tpige_kedro.remaking.model import model_at_hand
    from tpige_kedro.remaking.references import pictures_of

    try:
        recipe = read_recipe(clip)
    except ClipError as error:
        raise RunStopped(f"{clip} {error}") from error  # with control characters escaped
    seed = "" if recipe.seed is None else f", seed {recipe.seed}"
    echo(f"{clip}: {recipe.sample_id} by {recipe.variant}, models.{recipe.model.name}{seed}")
    parameters, catalog = settings(env, params, conf_source)
    name, model = model_at_hand(recipe, parameters.models)
    pictures = pictures_of(recipe, given, catalog)
    echo(f"models.{name}, its weights and the reference are those of the recipe; making the clip")
    made = make_clip(recipe, model, pictures, target, parameters.provenance)
    echo(f"written: {target}")
    found = compared(clip, target)
    echo(found.text())
    same = made.frames_hash == recipe.frames_hash
    if not found.is_identical and same:
        echo(
            "before compression all frames are the same: the file was compressed again, or by another version of x264"
        )
    elif not found.is_identical:
        others = other_surroundings(recipe.environment, made.environment)
        echo(f"made then with: {others}" if others else "made with the same versions and device")


def settings(env: str | None, params: dict[str, Any], conf_source: str | None) -> tuple[Any, Any]:
    """The typed parameters and the catalog of a run with these options."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from tpige_kedro.hooks.parameters import parse_parameters
    from tpige_kedro.weights.sources import project_root

    bootstrap_project(project_root())
    session = KedroSession.create(
        project_path=project_root(), env=env, conf_source=conf_source, runtime_params=params
    )
    context = session.load_context()
    return parse_parameters(dict(context.config_loader["parameters"])), context.catalog
