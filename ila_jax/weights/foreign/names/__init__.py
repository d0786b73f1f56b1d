"""Maps the names of tensors in other people's files to the paths that they have in ours.

There are two steps. Whatever a library calls its tensors, they get the official names first, those
of the released code (`prefixes` takes off what a training put before them, `huggingface` translates
the names of transformers). Then the rules of `official` lead from official names to our paths.

To read the checkpoints of another library, write a table like `huggingface.CLIP` from its names to
the official ones, add a name that each of its files has to `prefixes._ANCHORS`, and apply the table
in `foreign.files._official`. To read another temporal model, write a table like `official.XCLIP`
from its official names to our paths; `recognise` then needs to know it: a `Kind`, the names by
which `kind_of` tells it, and its row of `_TEMPORAL`; `conversion.NAMES` says how users call it.
Every tensor that a table forgets is named in one error, so that converting a file lists what is
left to do.

What the configuration next to the tensors says is read in `ila_jax.weights.foreign.settings`.
"""
