"""Everything that can go wrong between a hub id and its files: one message each, with the hub's words and what to do."""

from __future__ import annotations

import re
import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from fake_hub import LOGIN_PAGE, FakeHub, use_hub
from tpige_kedro.errors import ModelError
from tpige_kedro.weights import download, listing
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.hub import forget_commits
from tpige_kedro.weights.hub_cache import CachedRepository
from tpige_kedro.weights.parts import Part
from tpige_kedro.weights.remote import look

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz012345"
WEIGHTS = bytes(range(256)) * 40
SMALL = {"config.json": b"{}", "model.safetensors": WEIGHTS}
HTML = {"Content-Type": "text/html"}


@dataclass
class World:
    """A hub with ``o/n``, a cache, and what a situation may change."""

    hub: FakeHub
    cache: Path
    patch: pytest.MonkeyPatch
    revision: str | None = None
    files: tuple[str, ...] = ()
    place: str = "o/n"

    def constant(self, name: str, value: Any) -> None:
        from huggingface_hub import constants

        self.patch.setattr(constants, name, value)

    def token(self, token: str = TOKEN, known: bool = True) -> None:
        self.patch.setenv("HF_TOKEN", token)
        if known:
            self.hub.members.setdefault(token, set())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    monkeypatch.setattr(download, "MAX_WAIT", 0.01)
    monkeypatch.setattr(listing, "MAX_WAIT", 0.01)
    with FakeHub() as hub:
        hub.add("o/n", SMALL)
        hub.use(monkeypatch, tmp_path / "cache")
        yield World(hub, tmp_path / "cache", monkeypatch)


def no_name(w: World) -> None:
    use_hub(w.patch, "http://no-such-host.invalid", w.cache)


def refused(w: World) -> None:
    w.hub.stop()


def silent(w: World) -> None:
    w.patch.setattr(listing, "PATIENCE", 0.1)
    w.constant("HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    w.hub.fail("api", stall=0.3)


def silent_file(w: World) -> None:
    w.constant("HF_HUB_DOWNLOAD_TIMEOUT", 0.05)
    w.patch.setattr(download, "TRIES", 2)
    w.hub.fail("cdn", stall=0.2)


def offline(w: World) -> None:
    w.constant("HF_HUB_OFFLINE", True)


def offline_in_part(w: World) -> None:
    fetched("o/n", None, ("config.json",))
    offline(w)


def offline_other_commit(w: World) -> None:
    fetched("o/n")
    w.revision = "f" * 40
    offline(w)


def broken_link(w: World) -> None:
    (fetched("o/n") / "model.safetensors").resolve().unlink()
    (CachedRepository.of("o/n").folder / "trees").rename(w.cache / "gone")
    offline(w)


def gated(w: World) -> None:
    w.hub.add("o/n", SMALL, gated=True)


def gated_for_this_account(w: World) -> None:
    gated(w)
    w.token()


def bad_token(w: World) -> None:
    w.token(known=False)


def token_with_a_remark(w: World) -> None:
    w.token(f"{TOKEN} # été", known=False)


def token_of_two_lines(w: World) -> None:
    w.token(f"{TOKEN}\x0b{TOKEN}", known=False)


def no_address(w: World) -> None:
    use_hub(w.patch, "hub.example.org", w.cache)


def narrow_token(w: World) -> None:
    w.token()
    said = {"X-Error-Message": f"Token {TOKEN} has no permission to read gated repositories"}
    w.hub.fail("file", status=403, headers=said)


def misspelt(w: World) -> None:
    w.place = "o/m"


def misspelt_with_token(w: World) -> None:
    w.place = "o/m"
    w.token()


def private(w: World) -> None:
    w.hub.add("o/n", SMALL, private=True)


def no_revision(w: World) -> None:
    w.revision = "v9"


def lost_commit(w: World) -> None:
    fetched("o/n", None, ("config.json",))
    shutil.rmtree(CachedRepository.of("o/n").folder / "trees")
    listing.forget_listings()
    w.hub.repos["o/n"].commits.clear()


def no_file(w: World) -> None:
    w.files = ("config.json", "lora/*.safetensors|lora.bin")


def listed_but_gone(w: World) -> None:
    said = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
    w.hub.fail("file", file="model.safetensors", status=404, headers=said)


def bad_range(w: World) -> None:
    w.hub.fail("cdn", drop_at=5000, times=1)
    w.hub.fail("cdn", status=416)


def drops(w: World) -> None:
    w.hub.fail("cdn", drop_at=1000, times=3)
    w.hub.fail("cdn", drop_at=0)


def wrong_bytes(w: World) -> None:
    w.hub.fail("cdn", content=b"x" * len(WEIGHTS))


def wrong_size(w: World) -> None:
    w.hub.fail("cdn", content=WEIGHTS[:-1])


def wrong_small_file(w: World) -> None:
    w.hub.fail("file", file="config.json", content=b"[]")


def login_page(w: World) -> None:
    w.hub.fail("file", status=200, body=LOGIN_PAGE, headers=HTML)


def login_page_for_the_hub(w: World) -> None:
    w.hub.fail("api", content=LOGIN_PAGE)


def too_many(w: World) -> None:
    w.hub.fail("api", status=429, headers={"RateLimit": '"api";r=0;t=0'})


def too_many_for_long(w: World) -> None:
    w.hub.fail("file", status=429, headers={"Retry-After": "4000"})


def down(w: World) -> None:
    w.hub.fail("api", status=503, body=b"Service Unavailable")


def cdn_down(w: World) -> None:
    w.hub.fail("file", redirect=f"{w.hub.cdn}/cdn/o/n/{'a' * 40}/config.json?token=secret")
    w.hub.fail("cdn", status=502, body=b"Bad Gateway", headers=HTML)


def dead_cdn(w: World) -> None:
    w.hub.fail("file", redirect="http://127.0.0.1:9/signed?token=secret")


def full_disk(w: World) -> None:
    w.patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4000))


def full_meanwhile(w: World) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    w.patch.callback = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))  # type: ignore[attr-defined]


def file_in_the_way(w: World) -> None:
    w.cache.write_text("a file")


NONSENSE = {
    "no JSON": b"<xml/>",
    "a list": b"[]",
    "empty": b"",
    "no commit": b'{"id": "o/n", "siblings": []}',
    "bad commit": b'{"id": "o/n", "sha": "../..", "siblings": []}',
    "no files": b'{"id": "o/n", "sha": "%s"}' % (b"a" * 40),
    "no sizes": b'{"id": "o/n", "sha": "%s", "siblings": [{"rfilename": "a.bin"}]}' % (b"a" * 40),
    "a file elsewhere": b'{"id": "o/n", "sha": "%s", "siblings": [{"rfilename": "../a", "size": 1, "blobId": "%s"}]}'
    % (b"a" * 40, b"a" * 40),
    "a hash elsewhere": b'{"id": "o/n", "sha": "%s", "siblings": [{"rfilename": "a", "size": 1, "blobId": "../b"}]}'
    % (b"a" * 40),
}  # fmt: skip

REMEDY = re.compile("[;:] (accept|change|check|compare|free|look at|run|set|unset) ")
ASK = "Visit https://huggingface.co/o/n to ask for access"
SITUATIONS: dict[Callable[[World], None], tuple[str, ...]] = {
    no_name: ("no-such-host.invalid cannot be reached", "HF_ENDPOINT"),
    refused: ("127.0.0.1 cannot be reached", "refused", "check the network"),
    silent: ("does not answer in time", "check the network"),
    silent_file: ("was interrupted", "model.safetensors: 0 of 10,240 bytes", "timed out", "run the same command"),
    offline: ("nothing of it is in the cache", "HF_HUB_OFFLINE is set", "kedro download"),
    offline_in_part: ("the cache lacks model.safetensors", "HF_HUB_OFFLINE is set"),
    offline_other_commit: ("the cache holds other commits", "not ffff", "HF_HUB_OFFLINE is set"),
    broken_link: ("the cache lacks model.safetensors", "HF_HUB_OFFLINE is set"),
    gated: ("gated", "Please log in", "accept its terms on", "/o/n, and set HF_TOKEN"),
    gated_for_this_account: ("gated", ASK, "accept its terms on", "with the account of the token"),
    bad_token: ("does not accept the token", "Invalid credentials", "HF_TOKEN", "hf auth logout"),
    token_with_a_remark: ("the token cannot be sent", "HF_TOKEN to the token alone"),
    token_of_two_lines: ("the token cannot be sent", "HF_TOKEN to the token alone"),
    no_address: ("hub.example.org is no address", "protocol", "set HF_ENDPOINT to https://hub.example.org"),
    narrow_token: ("access is refused", "Token *** has no permission", "settings/tokens"),
    misspelt: ("no such repository, or it is private", "Repository not found", "spelling", "set HF_TOKEN"),
    misspelt_with_token: ("no such repository, or it is private", "404", "that the token may read it"),
    private: ("no such repository, or it is private", "Repository not found", "set HF_TOKEN"),
    no_revision: ("no revision v9", "Invalid rev id", "models.<name>.revision"),
    lost_commit: ("no revision", "Invalid rev id", "refs/main"),
    no_file: ("it has no lora/*.safetensors or lora.bin", "/o/n/tree/"),
    listed_but_gone: ("a file is not there", "Entry not found", "/o/n/tree/"),
    bad_range: ("the hub says 416", "run again"),
    drops: ("was interrupted", "3,000 of 10,240 bytes", "6 requests to 127.0.0.1", "what is here is kept"),
    wrong_bytes: ("not what the hub announced", "model.safetensors: its sha256", "login page"),
    wrong_size: ("not what the hub announced", "10,239 bytes would arrive instead of the announced 10,240"),
    wrong_small_file: ("not what the hub announced", "config.json: its sha1"),
    login_page: ("not what the hub announced", "a web page arrived instead", "login page"),
    login_page_for_the_hub: ("an answer that is not a hub's", "HF_ENDPOINT", "login page"),
    too_many: ("busy or down", "429", "again later"),
    too_many_for_long: ("busy or down", "429", "again later"),
    down: ("busy or down", "503", "Service Unavailable", "again later"),
    cdn_down: ("busy or down", "502", "again later"),
    dead_cdn: ("was interrupted", "requests to 127.0.0.1", "refused", "run the same command"),
    full_disk: ("10.2 kB are still to download", "4.0 kB free", "HF_HOME"),
    full_meanwhile: ("cannot be written", "File too large", "HF_HOME"),
    file_in_the_way: ("cannot be written", "HF_HOME"),
}  # fmt: skip


def message(world: World) -> str:
    with pytest.raises(ModelError) as raised:
        fetched(world.place, world.revision, world.files)
    return str(raised.value)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.__name__)
def test_each_failure_has_its_message(world: World, situation: Callable[[World], None]) -> None:
    situation(world)
    try:
        said = message(world)
    finally:
        getattr(world.patch, "callback", lambda: None)()
    assert said.startswith(f"model source '{world.place}'")
    for words in SITUATIONS[situation]:
        assert words in said
    assert "\n" not in said
    assert "  " not in said
    assert REMEDY.search(said), "each says what to do"
    assert TOKEN not in said
    assert "secret" not in said, "addresses of a CDN are keys of their own"


@pytest.mark.parametrize(
    "situation", [drops, wrong_bytes, login_page, down, dead_cdn, full_disk, bad_range]
)
def test_after_it_the_next_run_succeeds(world: World, situation: Callable[[World], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world.patch = patch
        situation(world)
        message(world)
    world.hub.heal()
    assert (fetched("o/n") / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_answers_that_make_no_sense(world: World, body: bytes) -> None:
    world.hub.fail("api", content=body)
    said = message(world)
    assert "an answer that is not a hub's" in said
    assert "HF_ENDPOINT" in said
    assert not list(world.cache.parent.glob("a")), "nothing is written elsewhere"


@pytest.mark.parametrize(
    "situation", [gated, gated_for_this_account, bad_token, misspelt, down, silent, offline]
)
def test_looking_says_the_same_before_anything_is_loaded(
    world: World, situation: Callable[[World], None]
) -> None:
    situation(world)
    with pytest.raises(ModelError) as raised:
        look(Part("source", world.place, world.revision))
    for words in SITUATIONS[situation]:
        assert words in str(raised.value)
    assert not world.hub.sent, "and downloads nothing"


@pytest.mark.parametrize("situation", [token_of_two_lines, no_address, gated, misspelt, full_disk])
def test_what_waiting_does_not_help_is_said_at_once(
    world: World, situation: Callable[[World], None]
) -> None:
    world.patch.setattr(download, "MAX_WAIT", 300.0)
    world.patch.setattr(listing, "MAX_WAIT", 300.0)
    situation(world)
    before = monotonic()
    message(world)
    assert monotonic() - before < 60


def test_short_trouble_goes_unnoticed(world: World) -> None:
    world.hub.fail("api", status=503, times=2)
    world.hub.fail("file", status=429, headers={"Retry-After": "0"}, times=2)
    world.hub.fail("cdn", status=502, times=1)
    world.hub.fail("cdn", drop_at=3000, times=1)
    assert (fetched("o/n") / "model.safetensors").read_bytes() == WEIGHTS
    assert world.hub.sent["o/n", "model.safetensors"] == len(WEIGHTS)


def test_what_is_cached_needs_no_hub_in_any_trouble(world: World) -> None:
    folder = fetched("o/n")
    for where in ("api", "file", "cdn"):
        world.hub.fail(where, status=500)
    world.token(known=False)
    world.hub.stop()
    forget_commits()
    assert fetched("o/n") == folder
