"""Numbers in sentences, with words that agree with them."""


def count_of(number: int, one: str, many: str) -> str:
    """A number and its words: `count_of(1, "video is", "videos are")` is `1 video is`."""
    return f"{number} {one if number == 1 else many}"
