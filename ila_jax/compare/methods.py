"""What is compared: the temporal models, and changed forms of ILA, by the names of --methods."""

from ila_jax.cost.countings import METHODS, Method

# Of the configuration `alignment`, which says what each changes.
CHANGED = {
    key: Method(key, f"ILA, {what}", "ila")
    for key, what in {
        "ila_weight_0": "alignment weight 0",
        "ila_weight_0.1": "alignment weight 0.1",
        "ila_weight_10": "alignment weight 10",
        "ila_no_noise": "without noise",
        "ila_free_points": "points anywhere",
        "ila_narrow_masks": "masks of half the width",
        "ila_pretrained": "from a pretrained tower",
    }.items()
}
# Plain CLIP cannot tell a clip from its reversal, and has no positions to leave out.
COMPARED = {key: method for key, method in METHODS.items() if key != "clip"} | CHANGED
DEFAULT = [key for key in COMPARED if key not in CHANGED and key != "ila_token_ssv2"]
# What the others are held against.
REFERENCE = "ila"
