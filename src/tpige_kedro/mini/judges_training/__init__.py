"""Trains the small own networks of the mini world: those behind the scores, the face reader and the benchmark's judge.

Needs torch and safetensors only (and diffusers for the round trips through the mini VAE), so that it runs on a bare GPU machine.
"""
