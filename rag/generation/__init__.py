"""A language model that words the answer from the quotes."""
