"""One video file: which frames it has, in which order, and how they become RGB."""
