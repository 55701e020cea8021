"""What a run sends to MLflow, and what happens if MLflow cannot be reached."""
