"""A procedural world of drawn people: who they are, what they wear and do, how that is said and how it looks."""
