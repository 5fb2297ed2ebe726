"""From text to padded batches: vocabularies, WordPiece, the order of examples."""
