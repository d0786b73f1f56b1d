"""From video files to batches of uint8 on the host."""
