"""What MLflow is sent of a run, and what happens when it cannot be reached."""
