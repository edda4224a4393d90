"""Records drawn as markup. Knows nothing of Gradio."""
