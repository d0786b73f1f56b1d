"""Reading other people's files of weights, from a disk or from the hub."""
