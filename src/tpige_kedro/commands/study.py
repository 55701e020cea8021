"""``kedro study``: shows a study to raters, as a server with a link for each, or as a folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from click import ClickException
from kedro.framework.cli.utils import env_option

from tpige_kedro.commands.places import find_places
from tpige_kedro.commands.readable import readable
from tpige_kedro.config import user_path
from tpige_kedro.console import echo
from tpige_kedro.errors import TpigeError

if TYPE_CHECKING:
    from tpige_kedro.study.on_disk import Current

LOCAL = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")
MISSING = "the page of a study needs starlette and uvicorn: pip install 'tpige_kedro[study]'"
OPEN = (
    "anybody who can reach {host} can reach this page, and what passes between is not encrypted: let a reverse proxy with HTTPS or an SSH "
    "tunnel stand before it (docs/study.md)"
)


@click.command()
@click.option("--data-root", help="Where the results are; the configured one if left out.")
@click.option(
    "--samples-root",
    help="Where the list of samples is, which says who may be shown; the configured one if left out.",
)
@click.option("--raters", type=click.IntRange(1, 1000), help="Make links for so many new raters.")
@click.option(
    "--expires",
    default="30d",
    show_default=True,
    help="How long new links work: 12h, 14d, 4w, never.",
)
@click.option(
    "--url", help="What links begin with, if raters come through a proxy: https://study.example.org"
)
@click.option("--links-only", is_flag=True, help="Make links, and start no server.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--static", help="Write a folder that needs no server instead.")
@click.option("--reset", is_flag=True, help="Set the study and its votes aside, to draw again.")
@click.option("--conf-source", help="Path of the folder with the configuration.")
@env_option
def study(
    data_root: str | None,
    samples_root: str | None,
    raters: int | None,
    expires: str,
    url: str | None,
    links_only: bool,
    host: str,
    port: int,
    static: str | None,
    reset: bool,
    conf_source: str | None,
    env: str | None,
) -> None:
    """Show pairs of clips to raters, who do not learn what they see, and keep their votes.

    Draw the pairs first (kedro run --pipelines=study). Each rater has a link of their own: --raters 5 makes five. Then the same run
    again puts the results into the report.
    """
    roots = {"data_root": data_root, "samples_root": samples_root}
    paths = {k: os.path.abspath(user_path(k, v)) for k, v in roots.items() if v}
    with readable({"env": env, "conf_source": conf_source}):
        places = find_places(paths, env, conf_source)
    try:
        if reset:
            _reset(places.data_root)
        elif static is not None:
            _write(places.data_root, places.samples_root, Path(user_path("static", static)), raters)
        else:
            base = _checked(url) if url else f"http://{_bracketed(host)}:{port}"
            if links_only:
                _links(places.data_root, base, raters, expires)
                return
            from tpige_kedro.commands.study_people import current_study

            current = current_study(places.data_root, places.samples_root)
            with _listening(host, port) as listening:
                _links(places.data_root, base, raters, expires)
                _serve(current, host, listening, url)
    except TpigeError as error:
        raise ClickException(str(error)) from error


def _links(data_root: Path, base: str, raters: int | None, expires: str) -> None:
    """Print new links, and who there is. Without any link one is made."""
    from tpige_kedro.study.links import duration, make_links
    from tpige_kedro.study.on_disk import FOLDER, read_study
    from tpige_kedro.study.votes_store import VotesStore

    read_study(data_root)
    store = VotesStore(data_root / FOLDER)
    try:
        earlier = store.raters()
        for code, ends, count in earlier:
            echo(
                f"{code}: {count} pair{'s' * (count != 1)} answered"
                + (f", until {ends[:16]} UTC" if ends else "")
            )
        wanted = raters if raters is not None else int(not earlier)
        for code, link in make_links(store, wanted, base, duration(expires)):
            echo(f"{code}: {link}")
        if wanted:
            echo("each link is shown only this once, and is for one rater")
    finally:
        store.close()


def _listening(host: str, port: int) -> socket.socket:
    """The port, taken before any link is made. Raises ``TpigeError`` if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise TpigeError(
            f"cannot serve on {_bracketed(host)}:{port}: {error.strerror or error}; choose another --port or --host (if the server runs "
            "already, --links-only makes links)"
        ) from error


def _serve(current: Current, host: str, listening: socket.socket, url: str | None) -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise ClickException(MISSING) from error
    from tpige_kedro.study.on_disk import FOLDER
    from tpige_kedro.study.page.app import make_app
    from tpige_kedro.study.votes_store import VotesStore

    names = {*LOCAL, "[::1]", _bracketed(host), *([urlsplit(url).hostname or ""] if url else [])}
    store = VotesStore(current.data_root / FOLDER)
    app = make_app(current, store, () if host in EVERYWHERE else names)
    if host not in LOCAL:
        echo(f"warning: {OPEN.format(host=host)}")
    echo(
        f"serving on http://{_bracketed(host)}:{listening.getsockname()[1]}; Ctrl-C stops, and nothing is lost"
    )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        echo("stopped")
    finally:
        store.close()


def _write(data_root: Path, samples_root: Path, folder: Path, raters: int | None) -> None:
    from tpige_kedro.commands.study_people import current_study
    from tpige_kedro.study.static_page import INDEX, write_folder

    lists = raters or 1
    count = write_folder(current_study(data_root, samples_root), folder, lists)
    echo(
        f"{folder / INDEX}: {count} pairs in {lists} list{'s' * (lists != 1)} (index.html?list=1 …)"
    )
    echo("put the files that raters send back into 08_reporting/study/votes_from_files")


def _reset(data_root: Path) -> None:
    from tpige_kedro.study.resetting import set_aside

    click.confirm("Set the study and its votes aside? Its links will not work any more", abort=True)
    echo(f"moved to {set_aside(data_root)}; kedro run --pipelines=study draws again")


def _checked(url: str) -> str:
    """An address that links can begin with. Raises ``TpigeError``: the page stands at the top of its host."""
    found = urlsplit(url)
    if (
        found.scheme not in {"http", "https"}
        or not found.hostname
        or found.path.strip("/")
        or found.query
    ):
        raise TpigeError(
            f"--url {url}: write http(s) and a host alone, such as https://study.example.org"
        )
    return url


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
