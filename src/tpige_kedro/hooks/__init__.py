"""What happens around a run: parameters are checked, MLflow is kept informed, and failures are shown at the end."""

from tpige_kedro.hooks.failures import FailureHooks
from tpige_kedro.hooks.mlflow.hooks import MlflowHooks
from tpige_kedro.hooks.parameters import ParameterHooks

__all__ = ["FailureHooks", "MlflowHooks", "ParameterHooks"]
