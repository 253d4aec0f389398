"""Images are explained on every device: some operations have no deterministic version, on a CPU max_unpool2d."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

import vitreport
from tests.inference.test_classifier import digits, images_of
from vitreport.inference.explain import chosen_test_images, explained, pictures_of
from vitreport.records.measurement import ClassifiedImage, MistakeSheet, packed
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime


def unpool(_network: object, inputs: tuple[Any]) -> None:
    pooled, places = functional.max_pool2d(inputs[0], 2, return_indices=True)
    functional.max_unpool2d(pooled, places, (2, 2))


def test_a_network_without_deterministic_operations_is_explained(own_runs: list[Path], own_images: Path) -> None:
    model = vitreport.load_model(own_runs[0])
    pictures, faults = pictures_of([str(file) for file in images_of(own_images)[:3]], model)
    expected = explained(model, pictures)
    model.network.register_forward_pre_hook(unpool)
    torch.use_deterministic_algorithms(True)
    try:
        found = explained(model, pictures)
    finally:
        torch.use_deterministic_algorithms(False)
    assert faults == []
    assert [each.map for each in found] == [each.map for each in expected]
    assert [each.name for each in found] == [Path(file).name for file in images_of(own_images)[:3]]


def changed(run: Run, correct: str | None) -> Run:
    """The run with two mistakes, the test images 0 and 1, and with another `correct`."""
    assert run.result
    mistakes = tuple(ClassifiedImage(index=i, label=0, predicted=1, confidence=0.9) for i in range(2))
    sheet = MistakeSheet(images=mistakes, side=1, sha256="")
    return replace(run, result=run.result.model_copy(update={"correct": correct, "mistakes": sheet}))


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_run_without_correct_images_shows_mistakes(digits_run: Path, runtime: Runtime, most: int) -> None:
    run = changed(read_run(digits_run), packed([False] * len(digits(runtime, digits_run))))
    chosen = chosen_test_images(run, most, [runtime.data_dir], vitreport.Listener())
    assert [each.index for each in chosen] == [0, 1][:most]


def test_an_older_record_shows_no_image_twice(digits_run: Path, runtime: Runtime) -> None:
    """It does not say which images are correct."""
    chosen = chosen_test_images(changed(read_run(digits_run), None), 10_000, [runtime.data_dir], vitreport.Listener())
    assert sorted(each.index for each in chosen if each.index is not None) == list(
        range(len(digits(runtime, digits_run)))
    )
