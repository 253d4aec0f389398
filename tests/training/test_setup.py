"""What only shows when network and images are there."""

from typing import Any

import pytest
import torch

from tests.training.small import noise_arrays, small_setup, small_spec
from vitreport.errors import SpecError

NORMALISED_OVER_BATCHES = {
    "name": "timm",
    "architecture": "resnet10t",
    "arguments": {"channels": [8, 8, 8, 8], "stem_width": 8},
}


@pytest.mark.parametrize("model", [NORMALISED_OVER_BATCHES, {}])
@pytest.mark.parametrize(("batch_size", "rest"), [(89, 1), (88, 2), (45, 0), (1, 0)])
def test_a_last_batch_of_one_image_needs_something_to_normalise_over(
    model: dict[str, Any], batch_size: int, rest: int
) -> None:
    """90 of 100 images are trained on; at 8 pixels the network's last maps have one place."""
    spec = small_spec(model=model, train={"batch_size": batch_size})
    assert 90 % batch_size == rest
    if model and (rest == 1 or batch_size == 1):
        fault = "leaves a last batch of one of the 90 training images" if rest else "is one image"
        with pytest.raises(SpecError, match=f"{fault}, too few to normalize over"):
            small_setup(spec, noise_arrays())
    else:
        assert small_setup(spec, noise_arrays()).batches.batch_size == batch_size


def test_fewer_images_than_a_batch_are_one_batch() -> None:
    exact, larger = (small_setup(small_spec(train={"batch_size": size})).batches for size in (90, 2**31 - 1))
    assert exact.steps_per_epoch == larger.steps_per_epoch == 1
    (images, labels), (same_images, same_labels) = next(exact.epoch(1)), next(larger.epoch(1))
    assert torch.equal(images, same_images)
    assert torch.equal(labels, same_labels)
