"""The shipped configurations: one `get_config()` a file."""
