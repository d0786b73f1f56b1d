"""Class names to token ids."""
