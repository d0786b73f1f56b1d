"""The paper's models on Something-Something v2; `recipe.py` has what they share."""
