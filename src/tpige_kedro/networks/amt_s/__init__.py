"""AMT-S: all-pairs multi-field transforms, the small frame interpolator with which VBench measures motion smoothness."""

from tpige_kedro.networks.amt_s.network import AMT_S, AmtS

__all__ = ["AMT_S", "AmtS"]
