"""STL-10: 13,000 photographs of 96 x 96 pixels in ten classes, from its archive, its binary files or folders.

    stl10_binary/{train,test}_X.bin   uint8: for each image a red, a green and a blue plane, each column by column
                 {train,test}_y.bin   uint8: for each image its class, from 1 to 10

The archive also holds 100,000 images without labels, which are not read.
"""

from collections.abc import Mapping

import numpy as np

from vitreport.data.arrays import Split


def decode(contents: Mapping[str, bytes]) -> dict[str, Split]:
    """Read labels and images from the bytes of the files, whose md5 was right."""
    splits = {}
    for split in ("train", "test"):
        pixels, labels = (np.frombuffer(contents[f"{split}_{kind}.bin"], np.uint8) for kind in "Xy")
        images = pixels.reshape(-1, 3, 96, 96).swapaxes(2, 3)  # columns first to rows first
        splits[split] = Split(images, labels.astype(np.int64) - 1)
    return splits
