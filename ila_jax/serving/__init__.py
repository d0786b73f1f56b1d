"""The local page: what it says of an uploaded video, and how it looks."""
