"""The page of a study: its server, its templates and its words."""
