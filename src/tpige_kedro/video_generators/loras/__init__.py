"""LoRAs of Wan models: what conf says about them, how published files name their matrices, and how they are merged when a model is loaded."""
