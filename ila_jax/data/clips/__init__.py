"""From a source of videos to batches of clips: which frames, which crop, in which order."""
