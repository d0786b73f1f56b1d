"""The kinds of features that can be extracted, by the names that --features takes."""

# Of the clip [e], of each frame [t, e], and of each patch [t, p, d].
KINDS = ("clip", "frame", "patch")
