"""TPIGE: training-free prompt, image and guidance enhancement for identity-preserving video, as a Kedro project."""

__version__ = "0.1.0"
