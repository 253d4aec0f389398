"""Images that tell operations apart, and what torchvision makes of them one by one."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vitreport.data.augment.pipeline import DRAWS, augment
from vitreport.data.augment.sampling import RandomNumbers, SampledTransform, position_numbers
from vitreport.spec.augment import AugmentSpec

HEIGHT, WIDTH = 6, 10
SIZES = [(8, 8), (9, 9), (6, 10), (11, 7)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(count: int, seed: int = 0) -> RandomNumbers:
    """Those of the first images of an epoch."""
    return position_numbers(seed, "augment", 0, np.arange(count))


def augmented(images: Tensor, operations: Sequence[AugmentSpec], seed: int = 0) -> Tensor:
    return augment(images, operations, numbers(len(images), seed))


def random_images(count: int, seed: int = 0, size: Sequence[int] = (HEIGHT, WIDTH)) -> Tensor:
    return torch.rand(count, 3, *size, generator=seeded(seed))


def telling_images(size: Sequence[int] = (HEIGHT, WIDTH)) -> Tensor:
    """Random, grey, nearly grey, nearly black and strongly coloured images, and one plain image a corner of RGB."""
    random = random_images(4, size=size)
    grey = random[:1, :1].expand(1, 3, *size)
    two_equal = random[1:2, [0, 0, 1]]
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    plain = corners[:, :, None, None].expand(-1, 3, *size)
    nearly_grey = grey + 1e-6 * random[2:3]
    return torch.cat([random, grey, nearly_grey.clamp(0, 1), 1e-5 * random, random.round(), two_equal, plain])


def not_contiguous(images: Tensor) -> Tensor:
    """The same values, channels last and every second image of a larger tensor."""
    return images.repeat_interleave(2, 0).contiguous(memory_format=torch.channels_last)[::2]


def drawn(spec: AugmentSpec, count: int, size: Sequence[int] = (HEIGHT, WIDTH), seed: int = 0) -> SampledTransform:
    return DRAWS[type(spec)](spec, (count, 3, *size), numbers(count, seed))


def one_by_one(operation: Callable[..., Tensor], images: Tensor, values: Tensor) -> Tensor:
    return torch.stack([operation(image, value.item()) for image, value in zip(images, values, strict=True)])


def assert_close(actual: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def shares(values: Tensor) -> list[float]:
    """Which share of the rows (N, K) each distinct row has."""
    counts = Counter(map(tuple, values.tolist()))
    return [count / len(values) for count in counts.values()]
