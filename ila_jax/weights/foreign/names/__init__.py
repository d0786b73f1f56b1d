"""Names of tensors in other people's files, and the paths that they have in ours."""
