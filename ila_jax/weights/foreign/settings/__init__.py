"""Configurations beside other people's weights, and what their keys mean here."""
