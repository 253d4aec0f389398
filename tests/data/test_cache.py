import json
import multiprocessing
import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitreport.data.cache import Decoding, Places, cached, decoded
from vitreport.data.splits import Split, fingerprint
from vitreport.errors import DatasetError

from .source import Source, folder, opened


def test_what_was_decoded_is_what_is_served(places: Places) -> None:
    source = Source()
    arrays = opened(source, places)
    for name, split in source.splits.items():
        assert np.array_equal(arrays.splits[name].images, split.images)
        assert np.array_equal(arrays.splits[name].labels, split.labels)
        assert arrays.splits[name].labels.dtype == np.int64
    assert (arrays.classes, arrays.source, arrays.canonical, arrays.resized) == (("a", "b"), "noise", False, 5)
    assert arrays.fingerprint == fingerprint(("a", "b"), source.splits)


def test_mean_and_standard_deviation_are_those_of_the_training_split(places: Places) -> None:
    source = Source()
    arrays = opened(source, places)
    values = source.splits["train"].images / 255
    assert arrays.mean == pytest.approx(values.mean(axis=(0, 2, 3)), abs=1e-12)
    assert arrays.std == pytest.approx(values.std(axis=(0, 2, 3)), abs=1e-12)


def test_a_channel_of_one_value_has_a_deviation_to_divide_by(places: Places) -> None:
    source = Source()
    source.splits["train"].images[:, 1] = 200
    arrays = opened(source, places)
    assert arrays.std[1] == 1 / 255
    assert min(arrays.std[0], arrays.std[2]) > 0.1


def test_the_second_time_nothing_is_decoded(places: Places) -> None:
    source = Source()
    first, second = opened(source, places), opened(source, places)
    assert source.decoded == 1
    assert replace(first, splits={}) == replace(second, splits={})


def test_arrays_are_mapped_and_changes_stay_in_memory(places: Places) -> None:
    import torch

    source = Source()
    images = opened(source, places).splits["train"].images
    assert isinstance(images, np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(images)[0] = 7
    assert (images[0] == 7).all()
    assert np.array_equal(opened(source, places).splits["train"].images, source.splits["train"].images)


def test_another_identity_or_size_is_another_entry(places: Places) -> None:
    first, second = Source("one"), Source("two", seed=1)
    assert opened(first, places).fingerprint != opened(second, places).fingerprint
    assert opened(first, places).fingerprint == fingerprint(("a", "b"), first.splits)


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


def test_an_older_format_is_made_anew(places: Places) -> None:
    source = Source()
    opened(source, places)
    file = folder(places) / "meta.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 0}))
    opened(source, places)
    assert source.decoded == 2
    assert json.loads(file.read_text())["schema_version"] == 1


@pytest.mark.parametrize("shared", [0, 3])
def test_test_images_that_are_training_images_are_counted(shared: int, places: Places) -> None:
    source = Source()
    source.splits["test"].images[:shared] = source.splits["train"].images[-shared - 1 : -1]
    assert [opened(source, places).overlap for _ in range(2)] == [shared, shared]
    file = folder(places) / "meta.json"
    older = {name: value for name, value in json.loads(file.read_text()).items() if name != "overlap"}
    file.write_text(json.dumps(older))
    assert opened(source, places).overlap is None
    assert source.decoded == 1


def test_a_header_that_lies_is_found(places: Places) -> None:
    source = Source()
    opened(source, places)
    file = folder(places) / "images-train.npy"
    file.write_bytes(file.read_bytes().replace(b"(10, 3, 6, 6)", b"(99, 3, 6, 6)"))
    opened(source, places)
    assert source.decoded == 2


class Payload:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (f"open({str(self.trace)!r}, 'w')",)


@pytest.mark.parametrize("name", ["images-train.npy", "labels-train.npy"])
@pytest.mark.parametrize("bare", [True, False], ids=["pickle", "array of objects"])
def test_pickles_are_refused_unread(places: Places, tmp_path: Path, name: str, bare: bool) -> None:
    source, trace = Source(), tmp_path / "was-run"
    opened(source, places)
    file, meta = folder(places) / name, folder(places) / "meta.json"
    if bare:
        file.write_bytes(pickle.dumps(Payload(trace)))
    else:
        np.save(file, np.array([Payload(trace)] * 10, object), allow_pickle=True)
    described = json.loads(meta.read_text())
    described["sizes"][name] = file.stat().st_size
    meta.write_text(json.dumps(described))
    opened(source, places)
    assert source.decoded == 2
    assert not trace.exists()


def test_what_was_decoded_before_is_found_without_decoding(places: Places) -> None:
    source = Source()
    assert decoded("noise", 6, source.original, places) is None
    assert not places.cache_dir.exists()
    arrays = opened(source, places)
    found = decoded("noise", 6, source.original, places)
    assert found is not None
    assert replace(found, splits={}) == replace(arrays, splits={})
    for other in ((5, source.original), (6, replace(source.original, identity="two"))):
        assert decoded("noise", *other, places) is None
    (folder(places) / "images-test.npy").write_bytes(b"cut off")
    assert decoded("noise", 6, source.original, places) is None
    assert source.decoded == 1


def test_a_decoding_that_fails_leaves_nothing(places: Places) -> None:
    def fail() -> Decoding:
        raise DatasetError("no")

    source = Source()
    with pytest.raises(DatasetError):
        cached("noise", 6, replace(source.original, decode=fail), places)
    assert [path.suffix for path in (places.cache_dir / "arrays").iterdir()] == [".lock"]
    opened(source, places)


def test_what_a_crash_left_is_swept_away(places: Places) -> None:
    source = Source()
    opened(source, places)
    leftover = folder(places).with_name(f".{folder(places).name}.tmp")
    shutil.rmtree(folder(places))
    leftover.mkdir()
    (leftover / "images-test.npy").write_bytes(b"cut off")
    assert np.array_equal(opened(source, places).splits["test"].images, source.splits["test"].images)
    assert len(list((places.cache_dir / "arrays").iterdir())) == 2


def test_of_those_who_want_the_same_at_once_one_decodes(places: Places) -> None:
    source = Source()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: opened(source, places).fingerprint, range(4)))
    assert source.decoded == 1
    assert len(set(found)) == 1


def _crash_while_decoding(folder: Path) -> None:
    original = replace(Source().original, decode=lambda: os._exit(9))
    cached("noise", 6, original, Places(folder, folder / "cache", print, print))


def test_a_crash_while_decoding_leaves_no_entry(tmp_path: Path, places: Places) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_crash_while_decoding, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert not list((places.cache_dir / "arrays").glob("noise-*"))
    source = Source()
    assert np.array_equal(opened(source, places).splits["test"].images, source.splits["test"].images)


def test_progress_is_told_in_images(places: Places) -> None:
    reports: list[tuple[str, int, int | None]] = []
    opened(Source(), replace(places, progress=lambda *report: reports.append(report)))
    assert reports == [("decoding", done, 15) for done in (4, 8, 10, 14, 15)]


@pytest.mark.parametrize("name", ["a b/c", "...", "é" * 100, "x" * 100])
def test_any_name_makes_a_safe_folder(places: Places, name: str) -> None:
    cached(name, 6, Source().original, places)
    for path in (places.cache_dir / "arrays").glob("[!.]*"):
        assert len(path.name) <= 57
        assert path.name.isascii()
