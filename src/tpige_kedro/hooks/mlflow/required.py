"""``mlflow.required``: a run that could not be logged ends with an error."""

from __future__ import annotations

from collections.abc import Generator

from kedro.framework.hooks import hook_impl

from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.mlflow.hooks import MlflowHooks


class RequiredHooks:
    """Ends a run with an error that could not be logged, if that is wanted, after all other hooks."""

    def __init__(self, mlflow: MlflowHooks) -> None:
        self._mlflow = mlflow

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, object, object]:
        """Summary and report come first. Raises :class:`RunStopped`."""
        result = yield
        if self._mlflow.problems and self._mlflow.settings.required:
            problem = self._mlflow.problems[0]
            raise RunStopped(
                f"mlflow.required is set, and MLflow does not have all of this run: {problem}"
            )
        return result
