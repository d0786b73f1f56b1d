"""Names of classes, in the forms of files that people have them in."""
