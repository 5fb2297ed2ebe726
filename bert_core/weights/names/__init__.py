"""What the tensors of each world are called: tables of two columns, read in both directions."""
