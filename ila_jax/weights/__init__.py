"""Weights: made, loaded, converted, described and exported."""
