"""Processes that work beside this one: whether there is room for them, and a pool."""
