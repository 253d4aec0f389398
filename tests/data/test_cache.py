import multiprocessing
import os
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vitreport.data import arrays as arrays_module
from vitreport.data.arrays import Decoding, Split, fingerprint, load_arrays
from vitreport.data.registry import ImageRequest
from vitreport.errors import BusyError, DatasetError

from .source import Source, folder, opened


def test_what_was_decoded_is_what_is_served(image_request: ImageRequest) -> None:
    source = Source()
    arrays = opened(source, image_request)
    for name, split in source.splits.items():
        assert np.array_equal(arrays.splits[name].images, split.images)
        assert np.array_equal(arrays.splits[name].labels, split.labels)
        assert arrays.splits[name].labels.dtype == np.int64
    assert (arrays.classes, arrays.source, arrays.canonical, arrays.resized) == (("a", "b"), "noise", False, 5)
    assert arrays.fingerprint == fingerprint(("a", "b"), source.splits)


def test_mean_and_standard_deviation_are_those_of_the_training_split(image_request: ImageRequest) -> None:
    source = Source()
    arrays = opened(source, image_request)
    values = source.splits["train"].images / 255
    assert arrays.mean == pytest.approx(values.mean(axis=(0, 2, 3)), abs=1e-12)
    assert arrays.std == pytest.approx(values.std(axis=(0, 2, 3)), abs=1e-12)


def test_a_channel_of_one_value_has_a_deviation_to_divide_by(image_request: ImageRequest) -> None:
    source = Source()
    source.splits["train"].images[:, 1] = 200
    arrays = opened(source, image_request)
    assert arrays.std[1] == 1 / 255
    assert min(arrays.std[0], arrays.std[2]) > 0.1


def test_the_second_time_nothing_is_decoded(image_request: ImageRequest) -> None:
    source = Source()
    first, second = opened(source, image_request), opened(source, image_request)
    assert source.decoded == 1
    assert replace(first, splits={}) == replace(second, splits={})


def test_arrays_are_mapped_and_changes_stay_in_memory(image_request: ImageRequest) -> None:
    import torch

    source = Source()
    images = opened(source, image_request).splits["train"].images
    assert isinstance(images, np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(images)[0] = 7
    assert (images[0] == 7).all()
    assert np.array_equal(opened(source, image_request).splits["train"].images, source.splits["train"].images)


def test_another_identity_or_size_is_another_entry(image_request: ImageRequest) -> None:
    first, second = Source("one"), Source("two", seed=1)
    assert opened(first, image_request).fingerprint != opened(second, image_request).fingerprint
    assert opened(first, image_request).fingerprint == fingerprint(("a", "b"), first.splits)


def test_the_fingerprint_covers_pixels_labels_classes_and_shapes() -> None:
    train, test = Source().splits.values()
    pixel, label = test.images.copy(), test.labels.copy()
    pixel[4, 2, 5, 5] ^= 1
    label[0] = 1
    longer = Split(np.concatenate([train.images, test.images[:1]]), np.concatenate([train.labels, test.labels[:1]]))
    variants = [
        fingerprint(("a", "b"), {"train": train, "test": test}),
        fingerprint(("a", "c"), {"train": train, "test": test}),
        fingerprint(("a", "b"), {"train": train, "test": Split(pixel, test.labels)}),
        fingerprint(("a", "b"), {"train": train, "test": Split(test.images, label)}),
        fingerprint(("a", "b"), {"train": test, "test": train}),
        fingerprint(("a", "b"), {"train": longer, "test": Split(test.images[1:], test.labels[1:])}),
    ]
    assert len(set(variants)) == len(variants)


def test_another_format_has_another_folder(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(Source(), image_request)
    monkeypatch.setattr(arrays_module, "FORMAT", 99)
    opened(Source(), image_request)
    assert len(list((image_request.cache_dir / "arrays").glob("noise-*"))) == 2


@pytest.mark.parametrize("shared", [0, 3])
def test_test_images_that_are_training_images_are_counted(shared: int, image_request: ImageRequest) -> None:
    source = Source()
    source.splits["test"].images[:shared] = source.splits["train"].images[-shared - 1 : -1]
    assert [opened(source, image_request).overlaps for _ in range(2)] == [{"train/test": shared}] * 2
    assert source.decoded == 1


def test_a_decoding_that_fails_leaves_nothing(image_request: ImageRequest) -> None:
    def fail() -> Decoding:
        raise DatasetError("no")

    source = Source()
    with pytest.raises(DatasetError):
        load_arrays(image_request, source.original._replace(decode=fail))
    assert sorted(path.suffix for path in (image_request.cache_dir / "arrays").iterdir()) == [".lease", ".lock"]
    opened(source, image_request)


def test_what_a_crash_left_is_swept_away(image_request: ImageRequest) -> None:
    source = Source()
    opened(source, image_request)
    leftover = folder(image_request).with_name(f".{folder(image_request).name}.tmp")
    shutil.rmtree(folder(image_request))
    leftover.mkdir()
    (leftover / "images-test.bin").write_bytes(b"cut off")
    assert np.array_equal(opened(source, image_request).splits["test"].images, source.splits["test"].images)
    assert not leftover.exists()


def test_a_process_that_was_stopped_leaves_alone_what_another_machine_decodes(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitreport.lease.locked", lambda *_, **__: nullcontext(False))
    source = Source()

    def stopped_for_a_minute() -> Decoding:
        (path,) = (image_request.cache_dir / "arrays").glob(".*.lease")
        os.utime(path, (1, 1))
        assert opened(source, image_request).fingerprint
        return source.original.decode()

    with pytest.raises(BusyError, match="was taken over by another process"):
        load_arrays(image_request, source.original._replace(decode=stopped_for_a_minute))
    assert opened(source, image_request).fingerprint
    assert (source.decoded, list((image_request.cache_dir / "arrays").glob("*.tmp"))) == (2, [])


def test_of_those_who_want_the_same_at_once_one_decodes(image_request: ImageRequest) -> None:
    source = Source()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: opened(source, image_request).fingerprint, range(4)))
    assert source.decoded == 1
    assert len(set(found)) == 1


def _crash_while_decoding(folder: Path) -> None:
    original = Source().original._replace(decode=lambda: os._exit(9))
    load_arrays(ImageRequest("noise", 8, folder, folder / "cache"), original)


def test_a_crash_while_decoding_leaves_no_entry(tmp_path: Path, image_request: ImageRequest) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_crash_while_decoding, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert not list((image_request.cache_dir / "arrays").glob("noise-*"))
    source = Source()
    assert np.array_equal(opened(source, image_request).splits["test"].images, source.splits["test"].images)


def test_progress_is_told_in_images(image_request: ImageRequest) -> None:
    reports: list[tuple[str, int, int | None]] = []
    opened(Source(), replace(image_request, progress=lambda *report: reports.append(report)))
    assert reports == [("decoding", done, 15) for done in range(1, 16)]


@pytest.mark.parametrize("name", ["a b/c", "...", "é" * 100, "x" * 100])
def test_any_name_makes_a_safe_folder(image_request: ImageRequest, name: str) -> None:
    load_arrays(replace(image_request, name=name), Source().original)
    for path in (image_request.cache_dir / "arrays").glob("[!.]*"):
        assert len(path.name) <= 57
        assert path.name.isascii()
