"""Video generators: one file each behind :mod:`.protocol`; the Wan family shares the files ``wan*.py``."""
