"""How well a model does on labelled videos, during training and in comparisons."""
