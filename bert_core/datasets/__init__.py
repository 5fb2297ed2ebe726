"""What `bertrun data` does with the data of a task, before any run."""
