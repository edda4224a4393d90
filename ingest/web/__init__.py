"""Statements from the web: pages, feeds and sitemaps, fetched politely from checked addresses alone."""
