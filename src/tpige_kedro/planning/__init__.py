"""What a run would do, without doing it: what is left, how long it takes on how many GPUs, what it writes and costs."""
