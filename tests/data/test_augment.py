"""Augmentation: repeatable, of each image by itself, and never waiting for the device; mixtures are drawn as stated."""

from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.augmenting import (
    HEIGHT,
    WIDTH,
    assert_close,
    augmented,
    drawn,
    numbers,
    random_images,
    shares,
    telling_images,
)
from vitreport.data.augment.color import adjust_brightness
from vitreport.data.augment.geometry import shifted_crop
from vitreport.data.augment.pipeline import DRAWS, augment
from vitreport.data.augment.sampling import (
    AppendingBatch,
    InPlaceBatch,
    PerImageOperations,
    SampledTransform,
    shared_turns,
)
from vitreport.spec.augment import (
    AugmentSpec,
    AutocontrastSpec,
    ColorJitterSpec,
    EqualizeSpec,
    HorizontalFlipSpec,
    MixtureSpec,
    OperationSpec,
    RandAugmentSpec,
    RandomAffineSpec,
    RandomCropSpec,
    RandomErasingSpec,
    RandomResizedCropSpec,
    RandomRotationSpec,
    SharpnessSpec,
    TrivialAugmentSpec,
    VerticalFlipSpec,
)

FLIP, CROP = HorizontalFlipSpec(), RandomCropSpec(padding=2)
JITTER = ColorJitterSpec(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25)
SINGLE: list[OperationSpec] = [
    FLIP,
    VerticalFlipSpec(),
    CROP,
    JITTER,
    ColorJitterSpec(),
    ColorJitterSpec(brightness=0.5, hue=0.25),
    ColorJitterSpec(brightness=10.0, contrast=10.0, saturation=10.0, hue=0.5),
    RandomRotationSpec(degrees=(0.0, 180.0)),
    RandomAffineSpec(translate=(0.2, 0.2), scale=(0.8, 1.2), shear=(-15.0, 15.0), interpolation="bilinear"),
    RandomResizedCropSpec(),
    EqualizeSpec(),
    AutocontrastSpec(),
    SharpnessSpec(factor=10.0),
    RandomErasingSpec(),
    RandomErasingSpec(value="noise"),
    RandAugmentSpec(num_ops=3, magnitude=30),
    TrivialAugmentSpec(interpolation="bilinear"),
]
SPECS: list[AugmentSpec] = [
    *SINGLE,
    MixtureSpec(operations=tuple(SINGLE)),
    MixtureSpec(minimum=0, operations=(JITTER,)),
]


def test_each_image_gets_operations_of_its_own() -> None:
    """What a mixture needs: some images left alone in a turn, and operations of different kinds side by side."""
    images, factors = random_images(4), torch.tensor([0.1, 0.2, 0.3, 0.4])
    shifts = torch.tensor([[0, 0], [0, 0], [0, 0], [1, -2]])
    operations = [
        SampledTransform(lambda images: images),
        SampledTransform(adjust_brightness, (factors,)),
        SampledTransform(partial(torch.flip, dims=[-1])),
        SampledTransform(shifted_crop, (shifts,)),
    ]
    rows = torch.arange(4)[:, None].expand(4, 2)
    result = PerImageOperations(operations)(images, torch.tensor([[0, 0], [1, 0], [2, 1], [3, 2]]), rows)
    assert torch.equal(result[0], images[0])
    assert_close(result[1], 0.2 * images[1])
    assert_close(result[2], 0.3 * images[2].flip(-1))
    assert torch.equal(result[3], shifted_crop(images, shifts)[3].flip(-1))


def test_images_are_replaced_without_a_write_by_index() -> None:
    images = random_images(6)
    ways: list[InPlaceBatch | AppendingBatch] = [InPlaceBatch(images, 6), AppendingBatch(images, 6)]
    for members in ([4, 0, 3], [3, 5], [0]):
        mine = torch.tensor(members)
        found = [way.get(mine) for way in ways]
        assert torch.equal(*found)
        for way, before in zip(ways, found, strict=True):
            way.put(mine, before / 2)
    assert torch.equal(ways[0].all(), ways[1].all())
    assert torch.equal(ways[1].all(), images * torch.tensor([0.25, 1, 1, 0.25, 0.5, 0.5]).view(-1, 1, 1, 1))


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(-1, 3), min_size=5, max_size=5), max_size=20))
def test_each_image_gets_its_operations_in_its_order(choices: list[list[int]]) -> None:
    table = np.array(choices, np.int64).reshape(-1, 5)
    rows = np.arange(table.size).reshape(table.shape)
    found: list[list[tuple[int, int]]] = [[] for _ in choices]
    for position, mine, own in shared_turns(table, rows):
        for image, row in zip(mine.tolist(), own.tolist(), strict=True):
            found[image].append((position, row))
    wanted = [list(zip(*pair, strict=True)) for pair in zip(table.tolist(), rows.tolist(), strict=True)]
    assert found == [[(choice, row) for choice, row in each if choice >= 0] for each in wanted]


def test_images_share_operations_across_their_turns() -> None:
    """What is third for one image is first for another; in step, eight calls were needed."""
    choices = np.array([[0, 1, 2, 3], [-1, 2, -1, 3], [3, -1, -1, -1]])
    shared = [(position, len(mine)) for position, mine, _ in shared_turns(choices, choices)]
    assert shared == [(0, 1), (1, 1), (2, 2), (3, 3)]


def test_images_may_all_be_left_alone() -> None:
    images = random_images(4)
    none = torch.full((4, 2), -1)
    assert torch.equal(PerImageOperations([drawn(JITTER, 4)])(images, none, none.abs()), images)


@pytest.mark.parametrize("spec", SPECS, ids=repr)
class TestEveryOperation:
    def test_keeps_shape_range_and_input(self, spec: AugmentSpec) -> None:
        images = telling_images()
        before = images.clone()
        result = augmented(images, [spec])
        assert torch.equal(images, before)
        assert result.shape == images.shape
        assert result.dtype == images.dtype
        assert result.min() >= 0
        assert result.max() <= 1

    def test_is_a_function_of_the_seed(self, spec: AugmentSpec) -> None:
        images = random_images(16)
        assert torch.equal(augmented(images, [spec], 7), augmented(images, [spec], 7))
        if spec != ColorJitterSpec():
            assert not torch.equal(augmented(images, [spec], 7), augmented(images, [spec], 8))

    def test_treats_an_image_alone_as_in_a_batch(self, spec: AugmentSpec) -> None:
        images = random_images(5)
        apply, parameters = drawn(spec, 5)
        together = apply(images, *parameters)
        alone = [apply(images[i : i + 1], *(values[i : i + 1] for values in parameters)) for i in range(5)]
        assert_close(torch.cat(alone), together)

    def test_never_waits_for_the_device(self, spec: AugmentSpec) -> None:
        """A tensor on "meta" has no values: whatever would read one raises."""
        images = torch.empty(9, 3, HEIGHT, WIDTH, device="meta")
        assert augmented(images, [spec]).shape == images.shape

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    @pytest.mark.filterwarnings("ignore:Synchronization debug mode")
    def test_does_on_a_gpu_what_it_does_on_the_cpu(self, spec: AugmentSpec) -> None:
        images = telling_images()
        on_gpu = images.cuda()
        torch.cuda.set_sync_debug_mode("error")
        torch.use_deterministic_algorithms(True)
        try:
            result = augmented(on_gpu, [spec])
        finally:
            torch.use_deterministic_algorithms(False)
            torch.cuda.set_sync_debug_mode("default")
        assert_close(result.cpu(), augmented(images, [spec]))


def test_each_image_of_a_batch_has_parameters_of_its_own() -> None:
    images = random_images(1).expand(50, -1, -1, -1)
    results = augmented(images, [JITTER])
    assert len({tuple(image) for image in results.flatten(1).tolist()}) == 50


def test_operations_are_applied_in_the_given_order() -> None:
    images = random_images(8)
    own = numbers(8)
    expected = augment(augment(images, [CROP], own), [FLIP], own)
    assert torch.equal(augmented(images, [CROP, FLIP]), expected)


def test_no_operation_changes_nothing() -> None:
    images = random_images(3)
    assert torch.equal(augmented(images, []), images)


def test_every_spec_has_its_operation() -> None:
    union: Any = OperationSpec
    assert {*get_args(get_args(union)[0]), MixtureSpec} == set(DRAWS)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 4), (0, 2), (3, 3)])
def test_a_mixture_draws_numbers_and_operations_uniformly(minimum: int, maximum: int) -> None:
    always = HorizontalFlipSpec(probability=1.0), VerticalFlipSpec(probability=1.0), CROP
    choices, rows = drawn(MixtureSpec(minimum=minimum, maximum=maximum, operations=always), 20_000).parameters
    numbers = (choices >= 0).sum(1)
    assert sorted(set(numbers.flatten().tolist())) == list(range(minimum, maximum + 1))
    assert shares(numbers[:, None]) == pytest.approx([1 / (maximum + 1 - minimum)] * (maximum + 1 - minimum), rel=0.05)
    assert torch.equal(choices >= 0, torch.arange(maximum) < numbers[:, None])  # the last turns are left out
    assert shares(choices[numbers == maximum]) == pytest.approx([3.0**-maximum] * 3**maximum, rel=0.4)
    for position in range(3):
        own = rows[choices == position]
        assert torch.equal(own, torch.arange(len(own)))  # each turn has parameters of its own


def test_a_mixture_consists_of_what_its_operations_consist_of() -> None:
    """An operation that is left to chance takes no turn where it does not happen, a jitter several."""
    never = HorizontalFlipSpec(probability=0.0)
    choices, _ = drawn(MixtureSpec(minimum=2, maximum=2, operations=(never, JITTER)), 500).parameters
    assert set((choices >= 0).sum(1).tolist()) == {0, 4, 8}


def test_a_mixture_is_drawn_from_the_same_numbers_whatever_was_chosen() -> None:
    """Each operation has columns of its own, those of all images and turns, before those that choose."""
    spec = MixtureSpec(operations=(CROP, JITTER, RandomResizedCropSpec()))
    own = numbers(40).repeated(spec.maximum)
    everything = [DRAWS[type(inner)](inner, (160, 3, HEIGHT, WIDTH), own) for inner in spec.operations]
    apply, (choices, rows) = drawn(spec, 40)
    assert isinstance(apply, PerImageOperations)
    for position, whole in ((0, everything[0]), (5, everything[2])):
        (values,), (expected,) = apply.operations[position].parameters, whole.parameters
        image, turn = (choices == position).nonzero(as_tuple=True)
        assert torch.equal(values[rows[image, turn]], expected[image * spec.maximum + turn // 4])


def test_a_mixture_is_its_operations_one_after_the_other() -> None:
    """Each turn with parameters of its own, also where an operation is drawn twice."""
    spec = MixtureSpec(operations=(VerticalFlipSpec(probability=1.0), JITTER, CROP))
    images = random_images(40)
    apply, parameters = drawn(spec, 40)
    assert isinstance(apply, PerImageOperations)
    inner = apply.operations
    for result, image, choices, rows in zip(apply(images, *parameters), images, *parameters, strict=True):
        expected = image[None]
        for choice, row in zip(choices, rows, strict=True):
            if choice < 0:
                continue
            own = inner[int(choice)]
            expected = own.apply(expected, *(values[row][None] for values in own.parameters))
        assert_close(result, expected[0])


def test_a_mixture_of_a_mixture_cannot_be_written() -> None:
    mixture: Any = MixtureSpec(operations=(FLIP,))
    with pytest.raises(ValueError, match="'mixture'"):
        MixtureSpec(operations=(mixture,))
