"""Runs of bertrun in TensorBoard."""
