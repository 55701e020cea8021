"""A blind pairwise study: what is shown side by side, how it is kept blind, the page, and what the answers say. Knows no Kedro."""
