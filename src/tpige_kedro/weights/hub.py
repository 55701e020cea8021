"""The identity of weights on the hub: the commit that an id and a revision (branch, tag, nothing) stand for now."""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path

from tpige_kedro.weights.sources import HUB_ID

logger = logging.getLogger(__name__)

UNRESOLVED = "unresolved"
COMMIT = re.compile(r"^[0-9a-f]{40}$")
PATIENCE = 5.0  # seconds for the hub's answer


@cache
def resolved_commit(source: str, revision: str | None = None) -> str | None:
    """The commit of the hub repository ``source`` at ``revision``, None if nobody knows it. Stays the same in a process.

    A commit is itself. Else the local cache of the hub knows what was downloaded last; only then the hub is asked, once.

    >>> resolved_commit("owner/name", "0123456789abcdef0123456789abcdef01234567")
    '0123456789abcdef0123456789abcdef01234567'
    """
    if revision is not None and COMMIT.match(revision):
        return revision
    if not HUB_ID.match(source):
        return None
    return _cached_commit(source, revision or "main") or _asked_commit(source, revision)


def hub_revision(source: str, revision: str | None = None) -> str:
    """The commit for records and fingerprints; ``unresolved`` (with the branch or tag that was asked for) if nobody knows it.

    >>> hub_revision("not a hub id"), hub_revision("not a hub id", "v1.0")
    ('unresolved', 'unresolved:v1.0')
    """
    asked = f":{revision}" if revision else ""
    return resolved_commit(source, revision) or f"{UNRESOLVED}{asked}"


def _cached_commit(source: str, revision: str) -> str | None:
    from huggingface_hub.constants import HF_HUB_CACHE

    refs = Path(HF_HUB_CACHE) / f"models--{source.replace('/', '--')}" / "refs"
    try:
        commit = (refs / revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return commit if COMMIT.match(commit) else None


def _asked_commit(source: str, revision: str | None) -> str | None:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        return None
    from huggingface_hub import HfApi

    try:
        return HfApi().repo_info(source, revision=revision, timeout=PATIENCE).sha
    except (
        Exception
    ) as error:  # no network, no such repository, no access: the loading will say which
        logger.info("the hub gave no commit for %s (%s)", source, type(error).__name__)
        return None
