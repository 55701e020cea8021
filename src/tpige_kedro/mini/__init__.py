"""The mini people world: drawn people, and small models trained on them, so that the whole run means something on a laptop."""
