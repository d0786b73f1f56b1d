"""Bits of H.264 and HEVC, as their syntax tables name them."""


def ue(*values):
    """Exponential Golomb codes (14496-10, 9.1): as many zeros as bits follow the first 1."""
    return "".join(f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}" for value in values)


def packed(*texts):
    text = "".join(texts) + "1"  # rbsp_stop_one_bit
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
