"""Steps, loops, evaluation and what a run leaves behind."""
