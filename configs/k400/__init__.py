"""The paper's models on Kinetics-400; `recipe.py` has what they share."""
