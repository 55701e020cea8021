"""Image editors: they redraw the reference with the attire of the prompt. One file each, behind :mod:`.protocol`."""
