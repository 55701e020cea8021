"""Tables, verdicts and plots from the records of the ablation, without a GPU."""
