"""What a model answers for a video, as text, JSON and CSV, and window by window."""
