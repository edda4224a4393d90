"""What every door shares: the assistant behind limits, jobs, evaluations, access, export. Knows nothing of HTTP or Gradio."""
