"""The table of English words that the checks on prompts use."""
