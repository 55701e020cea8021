"""``kedro export``: the report, the gallery and the clips that they show as one zip file, which opens anywhere."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.package import KINDS, Part, collect, listed_samples
from tpige_kedro.commands.places import find_places, samples_of
from tpige_kedro.commands.readable import readable
from tpige_kedro.commands.withdrawn import withdrawn
from tpige_kedro.config import user_path
from tpige_kedro.console import echo
from tpige_kedro.files.atomic import save_atomically
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.sizes import readable_size

DATE = (1980, 1, 1, 0, 0, 0)  # of everything in the file: the same results give the same bytes
PACKED = {".mp4", ".png"}  # compressed already
SHOWN = 3  # names in one line


@click.command()
@click.option("--data-root", help="Folder with the results (default: the configured one).")
@click.option("--to", default="results.zip", show_default=True, help="The file to write.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@click.option(
    "--samples-root", help="Folder with the list of samples (default: the configured one)."
)
@click.option("--conf-source", help="Path of the folder with the configuration.")
@env_option
def export(
    data_root: str | None,
    to: str,
    overwrite: bool,
    samples_root: str | None,
    conf_source: str | None,
    env: str | None,
) -> None:
    """Pack the report, the gallery, its pages, pictures and clips into one zip file.

    Unzipped anywhere, it opens with its index.html and needs no connection. Paths of this machine and values of key variables are
    removed from its texts.
    """
    roots = {"data_root": data_root, "samples_root": samples_root}
    paths = {k: os.path.abspath(user_path(k, v)) for k, v in roots.items() if v}
    with readable({"env": env, "conf_source": conf_source}):
        places = find_places(paths, env, conf_source)
    target = Path(os.path.abspath(user_path("to", to)))
    check_target(target, overwrite)
    check_consent(listed_samples(places.data_root), places.samples_root)
    roots_here = (places.data_root, places.samples_root, places.project)
    parts = collect(places.data_root, roots_here)
    echo(f"{counted(parts)}: {readable_size(sum(part.size for part in parts))} before packing")
    try:
        save_atomically(target, lambda file: write_zip(file, target.stem, parts))
    except DatasetError as error:
        raise ClickException(str(error)) from error
    echo(f"{target}: {readable_size(target.stat().st_size)}; unzip it and open index.html")


def check_target(target: Path, overwrite: bool) -> None:
    """Raises ``ClickException`` if the file cannot be written, or exists and may not be replaced."""
    if target.suffix.lower() != ".zip":
        raise ClickException(f"{target.name} does not end in .zip; set --to results.zip")
    if target.is_dir():
        raise ClickException(f"{target} is a directory; set --to to a file in it")
    if target.exists() and not overwrite:
        raise ClickException(f"{target} exists; --overwrite replaces it, or set another --to")


def check_consent(samples: Sequence[str], root: Path) -> None:
    """Raises ``ClickException`` if the list of samples says now that some may no longer be shown."""
    gone = withdrawn(samples, samples_of(root))
    if gone:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        first = "; ".join(f"{sample}: {why}" for sample, why in list(gone.items())[:SHOWN])
        raise ClickException(
            f"{first}{more}. The report in this folder still shows them: run the pipeline again, then export"
        )


def counted(parts: Sequence[Part]) -> str:
    """How many of what.

    >>> counted(
    ...     [Part("a.mp4", "clip", b""), Part("b.mp4", "clip", b""), Part("r.html", "page", b"")]
    ... )
    '1 page, 2 clips'
    """
    counts = Counter(part.kind for part in parts)
    return ", ".join(f"{counts[k]} {k}{'s' * (counts[k] != 1)}" for k in KINDS if counts[k])


def write_zip(file: Path, folder: str, parts: Sequence[Part]) -> None:
    """All parts below ``folder``; what is compressed already is stored as it is."""
    with zipfile.ZipFile(file, "w") as packed:
        for part in parts:
            entry = zipfile.ZipInfo(f"{folder}/{part.name}", DATE)
            entry.external_attr = 0o644 << 16
            is_packed = Path(part.name).suffix in PACKED
            entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            packed.writestr(entry, part.content())
