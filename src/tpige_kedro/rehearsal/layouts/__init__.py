"""The published layouts, a module for each family: folder names, file names, shards, configs and tokenizers."""
