"""LoRAs of Wan models: what conf says of them, how published files name their matrices, and merging them when a model is loaded."""
