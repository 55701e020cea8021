"""The stages of the paper, one folder each: ``nodes.py`` does the work on plain data, ``pipeline.py`` only wires."""
