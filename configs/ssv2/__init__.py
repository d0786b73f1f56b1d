"""The paper's models on Something-Something v2."""
