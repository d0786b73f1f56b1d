"""The paper's models on Kinetics-400."""
