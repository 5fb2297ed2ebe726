"""Optimizers and learning-rate schedules for bertrun."""
