"""CPU, memory and time of the house around the models, at up to 1,000 samples x 6 variants."""
