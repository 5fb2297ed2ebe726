"""Named-entity recognition for bertrun."""
