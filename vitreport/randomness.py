"""Random numbers as a function of (seed, purpose, counters), never of what was drawn before.

That makes resuming exact: step 4711 draws the same numbers whether or not the run was cut off at 4710.
"""

import hashlib


def stream_seed(seed: int, purpose: str, *counters: int) -> int:
    """A 63-bit seed for one purpose ("order", "augment", "mix", "dropout", "initialisation", "split") at one place.

    numpy's generators and torch's on a GPU take all of it, torch's on a CPU the lower 32 bits.
    """
    text = "/".join([purpose, str(seed), *map(str, counters)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
