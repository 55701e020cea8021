"""Pictures as files: known by content, bounded before they are decoded, and read as people see them."""
