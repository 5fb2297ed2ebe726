"""Records: TFRecord and MindRecord files, read at random and written whole."""
