"""Motion pairs, the quickstart's data set: drawn videos that need the order of frames."""
