"""A question to ranked passages, neither language hiding the other."""
