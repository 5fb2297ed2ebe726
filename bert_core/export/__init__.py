"""A finished run as a file that other programs serve, in MindSpore's format or ONNX."""
