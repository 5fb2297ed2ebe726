"""Files of tensors, each read with suspicion: one module a format."""
