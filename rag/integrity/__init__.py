"""Digests: of texts, of files that stand still, so that damage is found before it is met."""
