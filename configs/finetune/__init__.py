"""Recipes for videos of one's own, from weights that are trained already."""
