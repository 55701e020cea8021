"""What the log says about a run's environment: which folders of conf count, and that ``conf/local`` does not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tpige_kedro.hooks.conf_files import conf_files
from tpige_kedro.hooks.environments import DEFAULT

if TYPE_CHECKING:
    from tpige_kedro.config import ProjectConfigLoader

logger = logging.getLogger(__name__)


def note_environment(loader: ProjectConfigLoader) -> None:
    """One line on an environment that extends others or describes itself; one if ``conf/local`` holds files that are not read."""
    env = loader.layers[-1]
    if len(loader.layers) > 2 or loader.description:
        read = f"environment {env} ({' <- '.join(loader.layers)})"
        logger.info("%s", ": ".join(filter(None, [read, loader.description])))
    if note := unread_default(Path(loader.conf_source), loader.layers):
        logger.warning("%s", note)


def unread_default(conf: Path, layers: tuple[str, ...]) -> str:
    """What to say if ``conf/local`` holds settings and a run reads another environment; empty otherwise."""
    folder = conf / DEFAULT
    if DEFAULT in layers or not (folder.is_dir() and conf_files([folder])):
        return ""
    return (
        f"{folder} is not read, since --env={layers[-1]} names another environment; for settings on top of {layers[-1]}, write "
        f"extends: {layers[-1]} into environment.yml of a folder of your own (conf/README.md)"
    )
