"""Scores of pre-training for bertrun."""
