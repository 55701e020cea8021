"""Vision-language models: they read a face and write text. One file each, behind :mod:`.protocol`."""
