"""Kinds of data sets: each becomes numbered, labelled videos with names of classes."""
