"""RandAugment and TrivialAugment: each operation at each magnitude as in torchvision."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from tests.data.augmenting import drawn, random_images, shares
from vitreport.data.augment import pipeline
from vitreport.data.augment.sampling import PerImageOperations
from vitreport.spec.augment import RandAugmentSpec, TrivialAugmentSpec

Policy = RandAugmentSpec | TrivialAugmentSpec
SIZE = (9, 12)
REFERENCES: dict[type[Policy], Any] = {RandAugmentSpec: v2.RandAugment, TrivialAugmentSpec: v2.TrivialAugmentWide}


def everything(bins: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Each kind of operation at each bin with both signs: kinds, bins and signs (N,)."""
    kinds = torch.arange(len(pipeline.NAMES))
    return tuple(torch.cartesian_prod(kinds, torch.tensor(bins), torch.tensor([-1, 1])).unbind(1))  # type: ignore[return-value]


def by_torchvision(spec: Policy, image: Tensor, kind: int, bin_: int, sign: int) -> Tensor:
    reference = REFERENCES[type(spec)]
    name = pipeline.NAMES[kind]
    magnitudes, signed = reference._AUGMENTATION_SPACE[name]
    table = magnitudes(spec.num_magnitude_bins, *SIZE)
    magnitude = 0.0 if table is None else float(table[bin_]) * (sign if signed else 1)
    mode = InterpolationMode(spec.interpolation)
    changed: Tensor = reference()._apply_image_or_video_transform(image, name, magnitude, mode, {Tensor: None})
    return changed


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize(("num_bins", "bins"), [(31, [0, 1, 9, 17, 30]), (10, [0, 3, 9]), (2, [0, 1])])
def test_every_operation_acts_as_in_torchvision(
    kind: type[Policy], interpolation: Any, num_bins: int, bins: list[int]
) -> None:
    spec = kind(num_magnitude_bins=num_bins, interpolation=interpolation)
    kinds, chosen, signs = everything(bins)
    images = random_images(len(kinds), size=SIZE).double()
    operations = pipeline.policy_operations(spec, (len(kinds), 3, *SIZE), kinds, chosen, signs)
    result = PerImageOperations(operations)(images, pipeline.CHOICES[kinds][:, None], torch.arange(len(kinds))[:, None])
    triples = zip(kinds.tolist(), chosen.tolist(), signs.tolist(), strict=True)
    for image, changed, own in zip(images, result, triples, strict=True):
        torch.testing.assert_close(changed, by_torchvision(spec, image, *own), rtol=0, atol=1e-6, msg=str(own))


def test_the_names_are_those_of_torchvision() -> None:
    for reference in REFERENCES.values():
        assert tuple(reference._AUGMENTATION_SPACE) == pipeline.NAMES


def test_every_operation_and_sign_is_equally_likely() -> None:
    choices, _ = drawn(RandAugmentSpec(num_ops=2), 20_000).parameters
    assert choices.shape == (20_000, 2)
    found = Counter(choices[:, 0].tolist())
    assert found.pop(0) / 20_000 == pytest.approx(5 / 14, rel=0.12)  # those that move pixels are one affine map
    assert sorted(found) == [-1, *range(1, 9)]  # an image that stays takes no turn
    assert [count / 20_000 for count in found.values()] == pytest.approx([1 / 14] * 9, rel=0.12)
    assert len(shares(choices)) == 10**2


def test_trivial_augment_draws_every_magnitude() -> None:
    apply, _ = drawn(TrivialAugmentSpec(), 31_000)
    assert isinstance(apply, PerImageOperations)
    (thresholds,) = apply.operations[6].parameters
    assert shares(thresholds[:, None]) == pytest.approx([1 / 31] * 31, rel=0.16)
