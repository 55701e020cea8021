"""``kedro forget PERSON``: lists everything that runs have made of a person, asks, and deletes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.below import Below
from tpige_kedro.commands.findings import Finding, counted, listing, size
from tpige_kedro.commands.person import Person
from tpige_kedro.commands.places import Places, find_places, open_store, samples_of
from tpige_kedro.commands.readable import readable
from tpige_kedro.config import user_path
from tpige_kedro.console import echo
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.lock import DataRootLock
from tpige_kedro.files.atomic import remove
from tpige_kedro.study.forgetting import is_pair_list, pairs_of, votes_on

LEDGER = "08_reporting/mlflow_artifacts.json"  # which run holds which artifacts


@click.command()
@click.argument("person")
@click.option("--data-root", help="Folder with the results (default: the configured one).")
@click.option(
    "--samples-root", help="Folder with the person's photos (default: the configured one)."
)
@click.option("--conf-source", help="Path of the folder with the configuration.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@click.option("--verbose", "-v", is_flag=True, help="List every file.")
@env_option
def forget(
    person: str,
    data_root: str | None,
    samples_root: str | None,
    conf_source: str | None,
    yes: bool,
    dry_run: bool,
    verbose: bool,
    env: str | None,
) -> None:
    """Delete everything that runs have made of PERSON (a person_id).

    That is: items and their records, the tables and pages that show the person among others, and the artifacts and traces of MLflow
    runs in a local store. It does not delete the person's photos; that is up to you.
    """
    if not person.strip():
        raise ClickException("give the person_id of the person")
    roots = {"data_root": data_root, "samples_root": samples_root}
    paths = {k: os.path.abspath(user_path(k, v)) for k, v in roots.items() if v}
    with readable({"env": env, "conf_source": conf_source}, verbose):
        places = find_places(paths, env, conf_source)
    if not places.data_root.is_dir():
        raise ClickException(
            f"{places.data_root} is not a directory; set --data-root to the folder with the results"
        )
    with writing_alone(places.data_root, needed=not dry_run):
        who, findings, notes = search(person, places)
        show(who, places, findings, notes, verbose)
        if not findings or dry_run:
            return
        if not yes:
            click.confirm(f"Delete {total(findings)}?", abort=True)
        for finding in findings:
            finding.delete()
        echo(f"deleted {total(findings)}; run again to rebuild tables and report")


@contextmanager
def writing_alone(root: Path, needed: bool) -> Iterator[None]:
    """Hold the lock of a data root, so that no run makes what is being deleted."""
    if not needed:
        yield
        return
    lock = DataRootLock(root)
    try:
        lock.acquire()
    except TpigeError as error:
        raise ClickException(str(error)) from error
    try:
        yield
    finally:
        lock.release()


def search(person_id: str, places: Places) -> tuple[Person, list[Finding], list[str]]:
    """The person, what there is to delete, and notes for the user.

    Raises:
        ClickException: the id is that of a sample.
    """
    person = Person(person_id)
    store, notes = open_store(places)
    artifacts = store.folders() if store else []
    below = Below(places.data_root, spared=[places.samples_root, *artifacts])
    person.learn_from_table(samples_of(places.samples_root))
    below.learn(person)
    others = below.persons_of(person_id) - {person_id}
    if others and not person.samples:
        raise ClickException(
            f"{person_id} is a sample of {min(others)}: kedro forget {min(others)}"
        )
    logged = store.find(person) if store else []
    ledger = places.data_root / LEDGER
    if logged and ledger.is_file():  # it says that runs hold what they no longer do
        logged.append(Finding("", str(ledger), partial(remove, ledger), "note"))
    findings = logged + below.find(person)  # what tells whose samples are whose goes last
    if any("hailuo_tasks" in finding.name for finding in findings):
        notes.append("clips that a service made are also on its servers: ask it to delete them")
    notes += study_notes(findings, person)
    if own := [file for file in places.samples_root.rglob("*") if person.took(file)]:
        more = ", …" if len(own) > 1 else ""
        notes.append(
            f"what is in {places.samples_root} is yours to delete ({own[0].name}{more}): a run that finds the person there, with "
            "consent, makes everything again"
        )
    return person, findings, notes


def study_notes(findings: list[Finding], person: Person) -> list[str]:
    """What becomes of votes on pairs that show the person, and of pages that were written elsewhere."""
    notes = []
    for file in (Path(finding.name) for finding in findings if is_pair_list(Path(finding.name))):
        pairs = pairs_of(file, person.ids)
        count = 0 if pairs is None else votes_on(file, list(pairs["pair_id"]))
        if count:
            notes.append(
                f"{count} vote{'s' * (count != 1)} on pairs that show the person stay in {file.parent.name}: votes name nobody, and "
                "those do not count any more"
            )
    if any(is_pair_list(Path(finding.name)) for finding in findings):
        notes.append(
            "folders that kedro study --static wrote still show the person: delete them, and write them again"
        )
    return notes


def show(
    person: Person, places: Places, findings: list[Finding], notes: list[str], verbose: bool
) -> None:
    """What was found, grouped by where it lies, and the notes."""
    if findings:
        samples = len(person.samples)
        echo(
            f"{person.person_id} ({samples} sample{'s' * (samples != 1)}), below {places.data_root}:"
        )
        echo(listing(findings, verbose))
    else:
        echo(f"nothing of {person.person_id} was found below {places.data_root}")
    for note in notes:
        echo(f"note: {note}")


def total(findings: list[Finding]) -> str:
    """How many of what, and how large."""
    whole = size(sum(finding.bytes for finding in findings))
    return f"{counted(findings)} ({whole})" if whole else counted(findings)
