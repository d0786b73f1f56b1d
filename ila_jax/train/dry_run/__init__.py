"""--dry-run: what a training run would need and do, without starting it."""
