"""A damaged checkpoint is never loaded without a word, and one that does not fit is named."""

import hashlib
import json
import os
import random
import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, only_run, resumed_at
from tests.store.options import EVERY_STEP, STEPS
from tests.store.states import damage, make_state
from vitreport.errors import RecordError
from vitreport.models.weights import named_weights
from vitreport.store.checkpoint import check_fit, checkpoints, read_verified, restore_newest
from vitreport.training.loop import TrainingState

FLIPS = 400
CUTS = 200
TRAIN = (*STEPS, EVERY_STEP, "--quiet")


def test_bit_flip_is_never_loaded(tmp_path: Path, two_saved: TrainingState) -> None:
    path, chance = tmp_path / "step-2.safetensors", random.Random(0)
    sound = path.read_bytes()
    for position in [*range(16), *chance.choices(range(len(sound)), k=FLIPS)]:
        flipped = bytearray(sound)
        flipped[position] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        check_fallback(tmp_path, "step-2.safetensors is damaged (sha256 differs)")


def test_cut_or_extended_file_is_never_loaded(tmp_path: Path, two_saved: TrainingState) -> None:
    path, chance = tmp_path / "step-2.safetensors", random.Random(0)
    sound = path.read_bytes()
    for length in [0, 1, 8, len(sound) - 1, *chance.choices(range(len(sound)), k=CUTS)]:
        path.write_bytes(sound[:length])
        check_fallback(tmp_path, "step-2.safetensors is damaged (sha256 differs)")
    path.write_bytes(sound + b"\0")
    check_fallback(tmp_path, "step-2.safetensors is damaged (sha256 differs)")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"0" * 64, b" \n"])
def test_damaged_digest_counts_as_damage(tmp_path: Path, two_saved: TrainingState, content: bytes) -> None:
    (tmp_path / "step-2.sha256").write_bytes(content)
    check_fallback(tmp_path, "step-2.")


def test_missing_digest_counts_as_damage(tmp_path: Path, two_saved: TrainingState) -> None:
    (tmp_path / "step-2.sha256").unlink()
    check_fallback(tmp_path, "step-2.sha256 is missing")


def check_fallback(folder: Path, warning: str) -> None:
    state = make_state()
    (told,) = restore_newest(folder, state)
    assert warning in told
    assert state.step == 1


def test_damage_everywhere_is_an_error_and_stays(tmp_path: Path, two_saved: TrainingState) -> None:
    for path in checkpoints(tmp_path).values():
        damage(path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    state = make_state()
    with pytest.raises(RecordError, match=r"no usable checkpoint .*2 tried: step-2\.safetensors is damaged"):
        restore_newest(tmp_path, state)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def rewritten(folder: Path, changes: dict[str, Tensor | None], metadata: dict[str, str] | None = None) -> None:
    """A checkpoint with a right digest and other tensors than it had; None leaves one out."""
    path = folder / "step-2.safetensors"
    tensors, found = read_verified(path)
    changed = {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}
    content = safetensors.torch.save(changed, metadata=found if metadata is None else metadata)
    path.write_bytes(content)
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model/first.weight": torch.zeros(5, 3)}, r"model/first\.weight is \(5, 3\) float32, .* \(4, 3\) float32"),
        ({"model/first.weight": torch.zeros(4, 3).half()}, r"model/first\.weight is \(4, 3\) float16"),
        (
            {"model/first.weight": None, "model/second.bias": None},
            r"model/first\.weight is missing, the model needs \(4, 3\) float32",
        ),
        (
            {"model/third.weight": torch.zeros(1)},
            r"model/third\.weight is \(1,\) float32, the model needs no such tensor",
        ),
        (
            {"best/first.weight": torch.zeros(1)},
            r"best/first\.weight is \(1,\) float32, the model needs no such tensor",
        ),
        ({"totals": torch.zeros(2)}, r"totals is \(2,\)"),
        ({"totals": None}, r"totals is missing"),
        ({"optimizer/first.weight/exp_avg": torch.zeros(3, 4)}, r"first\.weight/exp_avg is \(3, 4\)"),
        ({"optimizer/first.weight/step": None}, r"optimizer/first\.weight/step is missing"),
        (
            {"optimizer/nobody/exp_avg": torch.zeros(3)},
            r"optimizer/nobody/exp_avg is \(3,\) float32, the model needs no such tensor",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, two_saved: TrainingState, changes: dict[str, Tensor | None], told: str
) -> None:
    rewritten(tmp_path, changes)
    with pytest.raises(RecordError, match=told):
        restore_newest(tmp_path, make_state())


@pytest.mark.parametrize("counters", ["", "{}", '{"epoch": -1, "step": 2, "best": null}', "[" * 10_000])
def test_checkpoint_without_counters_is_refused(tmp_path: Path, two_saved: TrainingState, counters: str) -> None:
    rewritten(tmp_path, {}, {"counters": counters})
    with pytest.raises(RecordError, match="has no valid training counters"):
        restore_newest(tmp_path, make_state())


def test_file_that_is_no_safetensors_is_skipped(tmp_path: Path, two_saved: TrainingState) -> None:
    path = tmp_path / "step-2.safetensors"
    path.write_bytes(b"PK\x03\x04 a pickle in a zip")
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    check_fallback(tmp_path, "step-2.safetensors has a header larger than 10 MiB")


def test_weights_of_another_architecture_name_the_first_tensor() -> None:
    weights = named_weights(make_state(width=5).model)
    with pytest.raises(RecordError, match=r"best\.safetensors: first\.weight is \(5, 3\) float32"):
        check_fit(weights, named_weights(make_state().model), "best.safetensors")


@pytest.fixture
def killed(driver: Driver, tmp_path: Path) -> Path:
    """The folder of a run that was killed before its eighth step."""
    driver.run("train", *TRAIN, folder=tmp_path, faults=[("killed_before_step", 7)])
    return only_run(tmp_path)


def test_run_goes_on_from_the_older_checkpoint(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, killed: Path
) -> None:
    damage(killed / "checkpoints" / "step-7.safetensors")
    done = driver.run("train", *TRAIN, folder=tmp_path)
    warning = "warning: step-7.safetensors is damaged (sha256 differs); using an older checkpoint\n"
    assert (done.exit_code, done.stderr) == (0, warning)
    assert resumed_at(killed) == [6]
    assert differences(undisturbed(STEPS), killed) == []


def test_run_with_damaged_checkpoints_alone_is_refused(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, killed: Path
) -> None:
    found = checkpoints(killed / "checkpoints").values()
    for path in found:
        damage(path)
    before = [path.read_bytes() for path in found]
    refused = driver.run("train", *TRAIN, folder=tmp_path)
    assert refused.exit_code == 4
    assert refused.stderr.startswith("error: no usable checkpoint in runs/mlp-mixer-digits-")
    assert [path.read_bytes() for path in found] == before
    anew = driver.run("train", *TRAIN, "--force", folder=tmp_path)
    assert anew.exit_code == 0
    assert [path.read_bytes() for path in found] == before


def counters(folder: Path, **changes: object) -> None:
    _, metadata = read_verified(folder / "step-2.safetensors")
    rewritten(folder, {}, {"counters": json.dumps({**json.loads(metadata["counters"]), **changes})})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"step": 10**30}, "training counters: step"),
        ({"step": 1.5}, "training counters: step"),
        ({"epoch": -1}, "training counters: epoch"),
        ({"seconds": 1e308}, "training counters: seconds"),
        ({"seconds": float("inf")}, "training counters: seconds"),
        ({"seconds": float("nan")}, "training counters: seconds"),
        ({"surprise": 1}, "training counters: surprise"),
    ],
)
def test_impossible_counters_are_named(
    tmp_path: Path, two_saved: TrainingState, changes: dict[str, object], told: str
) -> None:
    counters(tmp_path, **changes)
    state = make_state()
    with pytest.raises(RecordError, match=re.escape(told)):
        restore_newest(tmp_path, state)
    assert state.step == 0


def test_metadata_that_is_null_has_no_counters(tmp_path: Path, two_saved: TrainingState) -> None:
    path = tmp_path / "step-2.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.dumps({**json.loads(content[8 : 8 + size]), "__metadata__": None}).encode()
    changed = len(header).to_bytes(8, "little") + header + content[8 + size :]
    path.write_bytes(changed)
    path.with_suffix(".sha256").write_text(hashlib.sha256(changed).hexdigest())
    check_fallback(tmp_path, "step-2.safetensors cannot be read as weights: TypeError")


def test_a_checkpoint_larger_than_its_model_is_not_read(tmp_path: Path, two_saved: TrainingState) -> None:
    os.truncate(tmp_path / "step-2.safetensors", 1 << 33)
    check_fallback(tmp_path, "step-2.safetensors is larger than 10 MiB")
