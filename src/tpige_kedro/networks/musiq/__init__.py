"""MUSIQ: the multi-scale image quality transformer, with the weights of which VBench measures imaging quality."""

from tpige_kedro.networks.musiq.network import MUSIQ_SPAQ, Musiq

__all__ = ["MUSIQ_SPAQ", "Musiq"]
