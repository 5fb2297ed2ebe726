"""Many processes from one command: who they are, how they start, and how they end."""
