"""What Bayan learns: the reader, from public question sets and the authored statements of `statements/`."""
