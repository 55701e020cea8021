"""The identity of weights on the hub: the commit that an id and a revision (branch, tag, nothing) stand for now."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tpige_kedro.weights.hub_cache import MAIN, CachedRepository
from tpige_kedro.weights.sources import HUB_ID

logger = logging.getLogger(__name__)

UNRESOLVED = "unresolved"
COMMIT = re.compile(r"^[0-9a-f]{40}$")
PATIENCE = 5.0  # seconds for the hub's answer
_may_ask = True

_known: dict[tuple[str, str], str] = {}  # what the hub said, and what was loaded


@cache
def resolved_commit(source: str, revision: str | None = None) -> str | None:
    """The commit of the hub repository ``source`` at ``revision``, None if nobody knows it. Stays the same in a process.

    A commit is itself. Else the local cache of the hub knows what was downloaded last; only then the hub is asked, once.

    >>> resolved_commit("owner/name", "0123456789abcdef0123456789abcdef01234567")
    '0123456789abcdef0123456789abcdef01234567'
    """
    if not HUB_ID.match(source):
        return revision if revision is not None and COMMIT.match(revision) else None
    return known_commit(source, revision) or _asked_commit(source, revision)


def known_commit(source: str, revision: str | None = None) -> str | None:
    """The commit as far as it is known without asking the hub."""
    if revision is not None and COMMIT.match(revision):
        return revision
    name = revision or MAIN
    commit = _known.get((source, name)) or CachedRepository.of(source).commit_of(name)
    return commit if commit and COMMIT.match(commit) else None


@contextmanager
def without_asking() -> Iterator[None]:
    """Inside, a commit that is neither stated nor in the local cache is one that nobody knows."""
    global _may_ask  # noqa: PLW0603
    before, _may_ask = _may_ask, False
    resolved_commit.cache_clear()
    try:
        yield
    finally:
        _may_ask = before
        resolved_commit.cache_clear()


def remember_commit(source: str, revision: str | None, commit: str) -> None:
    """What the hub said that ``revision`` is; from now on :func:`resolved_commit` says so, too."""
    if revision != commit and known_commit(source, revision) != commit:
        _known[source, revision or MAIN] = commit
        resolved_commit.cache_clear()  # it may have cached that nobody knew


def names_of(source: str, commit: str) -> list[str]:
    """The branches and tags that stand for ``commit`` as far as this process has asked."""
    return [name for (place, name), known in _known.items() if (place, known) == (source, commit)]


def forget_commits() -> None:
    """Know nothing any more: for tests."""
    _known.clear()
    resolved_commit.cache_clear()


def hub_revision(source: str, revision: str | None = None) -> str:
    """The commit for records and fingerprints; ``unresolved`` (with the branch or tag that was asked for) if nobody knows it.

    >>> hub_revision("not a hub id"), hub_revision("not a hub id", "v1.0")
    ('unresolved', 'unresolved:v1.0')
    """
    asked = f":{revision}" if revision else ""
    return resolved_commit(source, revision) or f"{UNRESOLVED}{asked}"


def _asked_commit(source: str, revision: str | None) -> str | None:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE or not _may_ask:
        return None
    from huggingface_hub import HfApi

    try:
        commit = HfApi().repo_info(source, revision=revision, timeout=PATIENCE).sha
    except (
        Exception
    ) as error:  # no network, no such repository, no access: the loading will say which
        logger.info("the hub gave no commit for %s (%s)", source, type(error).__name__)
        return None
    if commit:
        _known[source, revision or MAIN] = commit
    return commit
