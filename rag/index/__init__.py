"""What is kept: Chroma and tantivy in step, one writer, any number of readers; manifest, filters, doctor."""
