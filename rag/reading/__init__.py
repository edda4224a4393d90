"""Ranked passages to an answer: whether they answer, which sentences do, what is said of them."""
