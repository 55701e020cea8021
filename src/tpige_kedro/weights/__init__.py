"""Where weights are, and what identifies them: local files by their content, hub repositories by their commit."""
