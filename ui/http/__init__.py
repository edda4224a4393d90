"""The doors for programs, and what stands before every door."""
