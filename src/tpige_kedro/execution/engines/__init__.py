"""Engines process items: in this process, or on workers. Which one a run uses is a parameter, ``execution.engine``."""
