"""Texts to vectors: models behind LangChain's Embeddings, and the catalogue of weights, verified by digest."""
