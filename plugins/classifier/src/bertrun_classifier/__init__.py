"""Scores of classification and regression for bertrun."""
