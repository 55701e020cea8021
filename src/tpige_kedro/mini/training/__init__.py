"""Trains the mini models: torch, diffusers and transformers only, so that it runs on a bare GPU machine."""
