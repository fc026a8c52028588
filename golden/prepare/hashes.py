"""The hash of ids that preparation goes by, the one function that an engine has to be given."""

SEED = 42
BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    """The mix of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & BITS
    return z ^ (z >> 31)


def hashed(names: list[str]) -> int:
    """The hash of a path of names from the seed on."""
    point = mix(SEED + GOLDEN & BITS)
    for name in names:
        for byte in name.encode():
            point = mix(point ^ byte) + GOLDEN & BITS
        point = mix(point)
    return mix(point)


def unit(names: list[str]) -> float:
    """The same, in [0, 1)."""
    return (hashed(names) >> 11) / (1 << 53)
