"""Question sets: formats, feedback, proposals."""
