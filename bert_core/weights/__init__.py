"""Pre-trained weights: folders in Hugging Face layout, read without running code, and where they come from."""
