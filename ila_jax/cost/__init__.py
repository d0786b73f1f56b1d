"""What the temporal models cost: by formula, by counting, by measuring, and in the paper."""
