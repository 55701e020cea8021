"""The names of the variants, which must be known when pipelines are built: read from the parameters, their one source."""

from __future__ import annotations

import os

_names: tuple[str, ...] | None = None


def set_variant_names(names: tuple[str, ...] | None) -> None:
    """Remember the variants of this run's environment (called by the parameter hook before pipelines are built).

    None forgets them.
    """
    global _names  # noqa: PLW0603 - Kedro builds pipelines without passing configuration
    _names = names


def variant_names() -> tuple[str, ...]:
    """The variants of this run; without a run (``kedro registry list``) those of ``conf/base`` and the environment."""
    return _names if _names is not None else _configured_names()


def _configured_names() -> tuple[str, ...]:
    from kedro.config import OmegaConfigLoader
    from kedro.framework.project import settings

    from tpige_kedro.models import project_root

    loader = OmegaConfigLoader(
        conf_source=str(project_root() / settings.CONF_SOURCE),
        env=os.environ.get("KEDRO_ENV"),
        **settings.CONFIG_LOADER_ARGS,
    )
    return tuple(loader["parameters"]["variants"])
