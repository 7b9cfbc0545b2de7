"""Networks of the published form with fewer channels: for demos and tests."""


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, at least 1."""
    return max(1, round(channels * width))
