"""``kedro samples``: a folder of samples from a folder of photos and a list of prompts."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click import ClickException

from tpige_kedro.characters import control_in, is_visible, shown
from tpige_kedro.commands.photos import Photographed, find_people
from tpige_kedro.config import user_path
from tpige_kedro.console import echo
from tpige_kedro.datasets.people import (
    MAX_SAMPLES,
    PEOPLE,
    PROMPT_COLUMNS,
    PROMPT_FILES,
    PROMPT_TABLE,
    Prompt,
    prompts_in,
)
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.pipelines.prompt_enhancement.ids import id_problem
from tpige_kedro.pipelines.prompt_enhancement.samples import MAX_PROMPT_CHARACTERS

REFERENCES = "references"
SHOWN = 20  # names in one line, problems in one error
NO_CONSENT = (
    "consent: absent. A run leaves these people out: nothing about them is uploaded or generated. Once you have somebody's consent, write "
    f"granted (for a drawn person, synthetic) in that line of {PEOPLE}; --consent granted writes it for all"
)


@click.command()
@click.option("--photos", required=True, help="Folder with a photo, or a folder of photos, for each person.")  # fmt: skip
@click.option("--prompts", required=True, help="A text file with one prompt per line, or a CSV file with prompt_id and prompt.")  # fmt: skip
@click.option("--to", "target", required=True, help="The folder to create, for samples_root.")
@click.option(
    "--consent",
    type=click.Choice(["granted", "synthetic", "absent"]),
    default="absent",
    show_default=True,
    help="Consent of all the people in the photos; synthetic: they are drawn.",
)
def samples(photos: str, prompts: str, target: str, consent: str) -> None:
    """Make a folder of samples: every person with every prompt.

    Each photo is a person, named after the file; a folder of photos is a person with several. Photos are copied as they are. Nothing is
    overwritten, and nothing is written if a photo or prompt is wrong.
    """
    source, text, folder = (
        Path(user_path(option, value)).absolute()
        for option, value in (("--photos", photos), ("--prompts", prompts), ("--to", target))
    )
    if not source.is_dir():
        raise ClickException(f"--photos: {source} is not a folder; give the folder with the photos")
    in_place = source.resolve() == (folder / REFERENCES).resolve()
    if problem := _target_problem(source, folder, in_place):
        raise ClickException(problem)
    try:
        asked = prompts_in(text)
    except DatasetError as error:
        raise ClickException(f"--prompts: {error}") from error
    found = find_people(source)
    problems = [*found.problems, *_prompt_problems(text.name, asked)]
    if len(found.people) * len(asked) > MAX_SAMPLES:
        problems.append(f"more than {MAX_SAMPLES:,} samples; take fewer people or prompts")
    if problems:
        more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        lines = "".join(f"\n  {line}" for line in [*problems[:SHOWN], *more])
        raise ClickException(f"nothing was written:{lines}")
    try:
        _write(folder, found.people, asked, consent, in_place)
    except OSError as error:
        raise ClickException(f"{folder} cannot be written: {error}") from error
    _report(folder, found.people, asked, consent)
    if found.not_taken:
        rest = f" and {len(found.not_taken) - SHOWN} more" if len(found.not_taken) > SHOWN else ""
        echo(f"not taken from {source}: {', '.join(found.not_taken[:SHOWN])}{rest}")


def _target_problem(photos: Path, folder: Path, in_place: bool) -> str:
    """Why the folder cannot be made."""
    lists = [name for name in ("samples.csv", PEOPLE, *PROMPT_FILES) if (folder / name).exists()]
    if in_place:
        return f"--to: {folder} has {lists[0]} already; edit it, or move it away" if lists else ""
    if photos.resolve() in (folder.resolve(), *folder.resolve().parents):
        return f"--to: {folder} is inside the folder of the photos; give another folder"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return f"--to: {folder} already exists; nothing is overwritten: give a new folder"
    return ""


def _prompt_problems(file: str, prompts: Sequence[Prompt]) -> Iterator[str]:
    first: dict[str, Prompt] = {}
    for prompt in prompts:
        where = f"{file} line {prompt.line}"
        other = first.setdefault(prompt.text, prompt)
        if prompt.problem:
            yield prompt.problem
        elif problem := id_problem("prompt_id", prompt.prompt_id):
            yield f"{where}: {problem}"
        elif not is_visible(prompt.text):
            yield f"{where}: the prompt is empty; write what the clip should show"
        elif len(prompt.text) > MAX_PROMPT_CHARACTERS:
            yield f"{where}: {len(prompt.text)} characters, at most {MAX_PROMPT_CHARACTERS} can be read"
        elif control := control_in(prompt.text):
            yield f"{where}: it holds control characters, lost letters or hidden text ({control}); remove them"
        elif other is not prompt:
            yield f"{where} is the same prompt as line {other.line}; remove one"


def _write(folder: Path, people: Sequence[Photographed], prompts: Sequence[Prompt], consent: str, in_place: bool) -> None:  # fmt: skip
    """All files at once: a folder beside the target takes its place when it is complete."""
    if in_place:
        _write_lists(folder, people, prompts, consent)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        made.chmod(0o755)
        for person in people:
            several = person.reference.endswith("/")
            place = made / REFERENCES / (person.reference if several else "")
            place.mkdir(parents=True, exist_ok=True)
            for file in person.files:
                shutil.copyfile(file, place / file.name)
        _write_lists(made, people, prompts, consent)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write_lists(folder: Path, people: Sequence[Photographed], prompts: Sequence[Prompt], consent: str) -> None:  # fmt: skip
    lists: dict[str, list[tuple[str, ...]]] = {
        PROMPT_TABLE: [PROMPT_COLUMNS, *((p.prompt_id, p.text) for p in prompts)],
        PEOPLE: [
            ("person_id", "reference", "consent"),
            *((p.person_id, p.reference, consent) for p in people),
        ],
    }
    for name, rows in lists.items():
        with (folder / name).open("x", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _report(folder: Path, people: Sequence[Photographed], prompts: Sequence[Prompt], consent: str) -> None:  # fmt: skip
    for person in people[:SHOWN]:
        several = f" ({len(person.files)} pictures)" if person.reference.endswith("/") else ""
        echo(f"  {person.person_id}: {shown(person.reference)}{several}")
    if len(people) > SHOWN:
        echo(f"  … and {len(people) - SHOWN} more")
    count = len(people) * len(prompts)
    echo(f"{folder}: {count} sample{'s' * (count != 1)} ({len(people)} × {len(prompts)} prompt{'s' * (len(prompts) != 1)})")  # fmt: skip
    echo(
        NO_CONSENT if consent == "absent" else f"consent: {consent}, for all of them, as you stated"
    )
    env, note = (
        "--env=NAME ",
        " (docs/from_zero.md says which environment; the default one knows drawn people only)",
    )
    if consent == "synthetic":
        env = note = ""
    echo(f"next: kedro run {env}--params=samples_root={folder},data_root=/path/to/results{note}")
