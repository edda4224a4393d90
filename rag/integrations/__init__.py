"""What other frameworks see of the assistant."""
