"""The chat window: Gradio's parts and what each event does."""
