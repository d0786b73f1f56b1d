"""The temporal models, one file each."""
