"""`bertrun doctor`: whether runs can go here, and what to do where they cannot."""
