"""BERT as MindSpore cells, under Hugging Face's parameter names."""
