"""What ingest cuts away: `boilerplate.txt`, one line of web leftovers an entry."""
