"""Foreign weights: rules, reading, writing."""
