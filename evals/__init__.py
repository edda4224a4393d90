"""Question sets and what is learnt and measured on them. Uses `ingest` and `rag` from outside, as any program would."""
