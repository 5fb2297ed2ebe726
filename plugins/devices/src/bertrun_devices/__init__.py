"""Device backends for bertrun."""
