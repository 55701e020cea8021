"""The rehearsal: an environment's models with random weights in the published layouts, run and measured before the real weights are downloaded."""
