"""A program of its own that says what the pickle of a state dict describes, and runs nothing that the pickle names.

It imports the standard library alone, so that its process needs no path but that of this folder.
"""
