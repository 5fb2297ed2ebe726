"""Scores of extractive question answering for bertrun."""
