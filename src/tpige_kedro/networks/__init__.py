"""The networks that no installable library provides, with the state-dict layouts of their published checkpoints."""
