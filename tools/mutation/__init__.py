"""Mutation testing by a sample: `python -m tools.mutation --help`."""
