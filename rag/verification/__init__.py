"""A text against its quotes: figures, dates, names, quotations, denials."""
