"""``kedro plan``: what a run would find left to do, how long that takes on how many GPUs, what it writes and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.params import split_params
from tpige_kedro.commands.readable import readable
from tpige_kedro.console import echo

if TYPE_CHECKING:
    from kedro.io import DataCatalog


def split_numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """The numbers of a text ``1,2,4``."""
    try:
        numbers = tuple(dict.fromkeys(int(part) for part in value.split(",")))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1,2,4") from error
    if min(numbers) < 1:
        raise click.BadParameter("numbers of GPUs start at 1")
    return numbers


@click.command()
@env_option
@click.option(
    "--rehearsal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="NAME.json of `kedro rehearse --to NAME`: seconds for items without records.",
)
@click.option(
    "--gpus",
    default="1,2,4,8",
    show_default=True,
    callback=split_numbers,
    help="Numbers of GPUs to estimate hours for.",
)
@click.option("--params", default="", callback=split_params, help="As for `kedro run`.")
@click.option("--conf-source", help="Path of the folder with the configuration.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
def plan(
    env: str | None,
    rehearsal: Path | None,
    gpus: tuple[int, ...],
    params: dict[str, Any],
    conf_source: str | None,
    verbose: bool,
) -> None:
    """Show what a run of all stages has left to do, how long it takes, what it writes and what services cost.

    Loads no model, contacts no service and writes nothing below data_root; it also works while a run is in progress.
    """
    with readable({"env": env, "conf_source": conf_source}, verbose):
        echo(planned(env, rehearsal, gpus, params, conf_source).text())


def planned(
    env: str | None,
    rehearsal: Path | None,
    gpus: tuple[int, ...],
    params: dict[str, Any],
    conf_source: str | None,
) -> Any:
    """The :class:`.Plan` of a run with these options."""
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from tpige_kedro.hooks.lock import data_root_of
    from tpige_kedro.hooks.parameters import parse_parameters
    from tpige_kedro.hooks.preflight import check_data_root
    from tpige_kedro.planning.left import look
    from tpige_kedro.planning.notes import notes_of
    from tpige_kedro.planning.rehearsed import Rehearsed
    from tpige_kedro.planning.report import Plan
    from tpige_kedro.planning.rows import lines_of
    from tpige_kedro.weights.sources import project_root

    rehearsed = Rehearsed.read(rehearsal, env) if rehearsal else None
    bootstrap_project(project_root())
    session = KedroSession.create(
        project_path=project_root(), env=env, conf_source=conf_source, runtime_params=params
    )
    context = session.load_context()
    catalog = cast("DataCatalog", context.catalog)  # kedro says less than it makes
    parameters = parse_parameters(dict(context.config_loader["parameters"]))
    for problem in check_data_root(catalog):
        raise ClickException(problem)
    found = look(pipelines["full"], catalog)
    lines = lines_of(found.parts, parameters, rehearsed)
    return Plan(
        lines,
        gpus,
        parameters.execution.gpus_per_worker,
        found.samples,
        str(data_root_of(context)),
        [*notes_of(found, lines, parameters, catalog)],
    )
