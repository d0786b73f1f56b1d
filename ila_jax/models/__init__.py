"""The models: towers, temporal blocks and heads."""
