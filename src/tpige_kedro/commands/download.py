"""``kedro download``: gets exactly the files that a run with an environment loads, resumes, and says what you have to download by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.params import split_params
from tpige_kedro.commands.readable import readable
from tpige_kedro.console import echo
from tpige_kedro.errors import ModelError
from tpige_kedro.files.sizes import readable_size
from tpige_kedro.nearest import advice
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.weights.addresses import Address, addresses, complete_address
from tpige_kedro.weights.fetch import complete
from tpige_kedro.weights.hub_errors import cache
from tpige_kedro.weights.needs import Need, absent_files, needs_of
from tpige_kedro.weights.remote import Remote, look
from tpige_kedro.weights.room import room_problems

PLACE = re.compile(r"model source ('[^']+'(?: at [^:]+)?): ")


@dataclass
class Plan:
    """A need and what it takes: a repository of the hub, or single addresses for a local folder, or a problem."""

    need: Need
    remote: Remote | None = None
    addresses: list[Address] = field(default_factory=list)
    problem: str = ""
    elsewhere: frozenset[str] = frozenset()  # contents that an earlier plan counts

    @property
    def bytes(self) -> int:
        """Bytes still to come, of contents that no earlier plan counts."""
        single = sum(address.bytes for address in self.addresses)
        if self.remote is None:
            return single
        own = tuple(f for f in self.remote.missing if f.blob not in self.elsewhere)
        return single + replace(self.remote, missing=own).bytes

    @property
    def label(self) -> str:
        """The place, and what pins it."""
        revision = self.need.part.revision
        return f"{self.need.part.place}@{revision[:8]}" if revision else self.need.part.place

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.remote.folder if self.remote and not self.need.is_local else self.need.folder


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar="MODEL",
    help="Only this entry of models; can be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only list files and sizes.")
@click.option("--params", default="", callback=split_params, help="As for `kedro run`.")
@click.option("--conf-source", help="Path of the folder with the configuration.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
@env_option
def download(
    only: tuple[str, ...],
    dry_run: bool,
    params: dict[str, Any],
    conf_source: str | None,
    verbose: bool,
    env: str | None,
) -> None:
    """Download the weights that a run of all stages loads with an environment.

    Files that are here already are not downloaded again, and an interrupted download resumes. Gated repositories need HF_TOKEN.
    """
    with readable({"env": env, "conf_source": conf_source}, verbose):
        parameters = configured(env, conf_source, params)
        plans = counted_once([planned(need) for need in needs_of(chosen(parameters, only))])
        show(plans, env, dry_run)
        if too_full := room_problems((plan.folder, plan.bytes) for plan in plans):
            raise ClickException("; ".join(too_full))
        failed = [plan.problem for plan in plans if plan.problem]
        if not dry_run:
            failed += list(carry_out(plans))
    if failed:
        lines = "\n".join(f"  {problem}" for problem in grouped(failed))
        raise ClickException(f"some files are missing:\n{lines}")


def configured(env: str | None, conf_source: str | None, params: dict[str, Any]) -> Parameters:
    """The parameters that a run with these options has."""
    from kedro.framework.project import settings

    from tpige_kedro.hooks.choosing import unfolded, with_choice
    from tpige_kedro.hooks.parameters import parse_parameters
    from tpige_kedro.weights.sources import project_root

    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=conf_source or str(project_root() / settings.CONF_SOURCE),
        env=env,
        runtime_params=params,
        **settings.CONFIG_LOADER_ARGS,
    )
    return parse_parameters(with_choice(unfolded(loader["parameters"])))


def chosen(parameters: Parameters, only: tuple[str, ...]) -> dict[str, ModelSpec]:
    """The entries that a run of all stages loads, or those requested by name."""
    from kedro.framework.project import pipelines

    from tpige_kedro.hooks.preflight import needed_models

    for name in only:
        if name not in parameters.models:
            raise ClickException(
                f"--only {name}: no such entry of models; {advice(name, parameters.models)}"
            )
    names = only or needed_models(pipelines["full"], parameters)
    return {name: parameters.models[name] for name in names}


def planned(need: Need) -> Plan:
    """What a need takes; a problem does not stop the others."""
    try:
        if not need.is_local:
            return Plan(need, look(need.part))
        return Plan(need, addresses=addresses(need.folder, absent_files(need)))
    except ModelError as error:
        return Plan(need, problem=str(error))


def counted_once(plans: list[Plan]) -> list[Plan]:
    """Two revisions of a repository share contents, which come once: the later plan does not count them."""
    seen: set[tuple[str, str]] = set()
    for plan in plans:
        if plan.remote:
            place = plan.need.part.place
            blobs = {(place, file.blob) for file in plan.remote.missing}
            plan.elsewhere = frozenset(blob for _, blob in blobs & seen)
            seen |= blobs
    return plans


def grouped(problems: list[str]) -> Iterator[str]:
    """The problems; what several repositories have in common is said once, as when there is no network.

    >>> list(grouped(["model source 'a/b': none", "model source 'c/d': none", "other"]))
    ["model source 'a/b', 'c/d': none", 'other']
    """
    places: dict[str, list[str]] = {}
    for problem in problems:
        begin = PLACE.match(problem)
        place, rest = (begin[1], problem[begin.end() :]) if begin else ("", problem)
        places.setdefault(rest, []).append(place)
    for rest, found in places.items():
        yield f"model source {', '.join(found)}: {rest}" if found[0] else rest


def carry_out(plans: list[Plan]) -> Iterator[str]:
    """Download one after the other; yields what failed."""
    for plan in plans:
        try:
            if plan.remote and not plan.remote.cached:
                complete(plan.remote, plan.need.part.revision)
            for address in plan.addresses:
                complete_address(address)
        except ModelError as error:
            yield str(error)
        else:
            if plan.bytes:
                echo(f"{plan.need.part.place}: done")


def show(plans: list[Plan], env: str | None, dry_run: bool) -> None:
    """Each place with its size and the models that need it; with ``dry_run`` each file, too."""
    if not plans:
        echo(f"no model of {env or 'the default environment'} has weights to download")
        return
    wide = max(len(plan.label) for plan in plans)
    for plan in plans:
        users = ", ".join(plan.need.models)
        echo(f"  {plan.label:{wide}}  {state(plan):34}  {users}")
        for line in files_of(plan) if dry_run else ():
            echo(f"    {line}")
    unknown = sum(1 for plan in plans if plan.problem)
    more = f", and {unknown} of unknown size" if unknown else ""
    total = readable_size(sum(plan.bytes for plan in plans))
    echo(f"to download: {total}{more} (the hub's cache is {cache()})")


def state(plan: Plan) -> str:
    """How much of a place is here."""
    if plan.problem:
        return "not available, see below"
    if plan.addresses:
        return f"{readable_size(plan.bytes)} to download"
    if plan.remote is None or not plan.remote.missing:
        size = plan.remote.size if plan.remote else 0
        return f"here{f', {readable_size(size)}' if size else ''}"
    if not plan.bytes:
        return "included above"
    return f"{readable_size(plan.bytes)} of {readable_size(plan.remote.size)} to download"


def files_of(plan: Plan) -> Iterator[str]:
    """The files of a plan, those that are here marked."""
    missing = {file.name for file in plan.remote.missing} if plan.remote else set()
    for file in plan.remote.wanted if plan.remote else ():
        yield f"{file.name}  {readable_size(file.size)}{'' if file.name in missing else '  (here)'}"
    for address in plan.addresses:
        size = "size unknown" if address.size is None else readable_size(address.size)
        yield f"{', '.join(address.names)}  {size}  from {address.url}"
