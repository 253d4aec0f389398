"""What is in a checkpoint, and that it comes back."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, only_run, resumed_at, same_tensors
from tests.store.options import EVERY_STEP, SHORT
from tests.store.states import advance, damage, make_state
from vitreport.models.registry import build_model
from vitreport.models.weights import named_weights
from vitreport.spec.architectures.perceiver import PerceiverIOSpec
from vitreport.store.checkpoint import checkpoints, read_verified, restore_newest, save_checkpoint
from vitreport.training.loop import BestEpoch, TrainingState


def test_state_comes_back(tmp_path: Path) -> None:
    saved = make_state()
    advance(saved)
    saved.finish_epoch(0.5)
    advance(saved)
    save_checkpoint(tmp_path, saved)
    restored = make_state()
    assert restore_newest(tmp_path, restored) == []
    assert (restored.epoch, restored.step) == (1, 2)
    assert torch.equal(restored.totals, saved.totals)
    assert same_tensors(named_weights(restored.model), named_weights(saved.model))
    assert same_best(restored.best, saved.best)
    advance(saved)
    advance(restored)
    assert same_tensors(named_weights(restored.model), named_weights(saved.model))


def same_best(first: BestEpoch | None, second: BestEpoch | None) -> bool:
    assert first
    assert second
    counters = [(best.epoch, best.step, best.accuracy) for best in (first, second)]
    return counters[0] == counters[1] and same_tensors(first.weights, second.weights)


def test_no_checkpoint_leaves_the_state_as_it_is(tmp_path: Path) -> None:
    state = make_state()
    assert restore_newest(tmp_path / "absent", state) == []
    assert same_tensors(named_weights(state.model), named_weights(make_state().model))
    assert state.step == 0


@pytest.mark.parametrize("grouped", [False, True])
def test_optimizer_tensors_stand_under_the_name_of_their_parameter(tmp_path: Path, grouped: bool) -> None:
    state = make_state(grouped=grouped)
    advance(state)
    save_checkpoint(tmp_path, state)
    tensors, _ = read_verified(tmp_path / "step-1.safetensors")
    for name, parameter in state.model.named_parameters():
        for key in ("exp_avg", "exp_avg_sq"):
            assert tensors[f"optimizer/{name}/{key}"].shape == parameter.shape
            assert torch.equal(tensors[f"optimizer/{name}/{key}"], state.optimizer.state[parameter][key])


def test_state_comes_back_under_another_grouping(tmp_path: Path) -> None:
    saved, restored = make_state(grouped=True), make_state(grouped=False)
    advance(saved)
    save_checkpoint(tmp_path, saved)
    restore_newest(tmp_path, restored)
    advance(saved)
    advance(restored)
    assert same_tensors(named_weights(restored.model), named_weights(saved.model))


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.RMSprop(parameters, lr=0.1, momentum=0.9, centered=True),
        lambda parameters: torch.optim.Adagrad(parameters, lr=0.1),
        lambda parameters: torch.optim.NAdam(parameters, lr=0.1),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    ],
    ids=["RMSprop", "Adagrad", "NAdam", "SGD without momentum"],
)
def test_the_state_of_any_optimizer_comes_back(
    tmp_path: Path, make: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]
) -> None:
    """A new one needs its spec and its case in training/optimizers.py, and nothing here."""
    saved, restored = make_state(), make_state()
    for state in (saved, restored):
        state.optimizer = make(state.model.parameters())
    advance(saved)
    save_checkpoint(tmp_path, saved)
    assert restore_newest(tmp_path, restored) == []
    advance(saved)
    advance(restored)
    assert same_tensors(named_weights(restored.model), named_weights(saved.model))


def test_two_newest_are_kept(tmp_path: Path) -> None:
    state = make_state()
    for _ in range(5):
        advance(state)
        save_checkpoint(tmp_path, state)
    kept = {"step-5.safetensors", "step-5.sha256", "step-4.safetensors", "step-4.sha256"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_damaged_later_checkpoints_do_not_push_out_the_sound_ones(tmp_path: Path, two_saved: TrainingState) -> None:
    advance(two_saved)
    for suffix in (".safetensors", ".sha256"):  # a kill came before the oldest of three was removed
        shutil.copy(tmp_path / f"step-1{suffix}", tmp_path / f"kept{suffix}")
    save_checkpoint(tmp_path, two_saved)
    for suffix in (".safetensors", ".sha256"):
        (tmp_path / f"kept{suffix}").rename(tmp_path / f"step-1{suffix}")
    for path in list(checkpoints(tmp_path).values())[:2]:
        damage(path)
    state = make_state()
    assert len(restore_newest(tmp_path, state)) == 2
    save_checkpoint(tmp_path, state)
    restore_newest(tmp_path, make_state())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_sha256sum_accepts_the_digest(tmp_path: Path, two_saved: TrainingState) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "step-2.sha256"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout == "step-2.safetensors: OK\n"


def tied_state() -> TrainingState:
    spec = PerceiverIOSpec(
        dim=192, queries_dim=10, logits_dim=10, num_latents=4, latent_dim=8, latent_heads=2, weight_tie_layers=True
    )
    model = build_model(spec, image_size=8, num_classes=10, seed=0)
    return TrainingState(model, torch.optim.AdamW(model.parameters(), lr=0.01))


def tied_step(state: TrainingState) -> None:
    state.optimizer.zero_grad()
    state.model(torch.ones(2, 3, 8, 8)).square().sum().backward()
    state.optimizer.step()
    state.step += 1


def test_shared_weights_are_stored_once_and_come_back_shared(tmp_path: Path) -> None:
    saved, restored = tied_state(), tied_state()
    assert len(saved.model.state_dict()) > len(named_weights(saved.model))
    tied_step(saved)
    saved.finish_epoch(0.5)
    save_checkpoint(tmp_path, saved)
    restore_newest(tmp_path, restored)
    tied_step(saved)
    tied_step(restored)
    assert same_tensors(dict(restored.model.state_dict()), dict(saved.model.state_dict()))


@pytest.mark.parametrize("model", ["perceiver-io", "perceiver"])
def test_weight_tied_run_is_resumed_and_evaluated(
    model: str, driver: Driver, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    options = (
        model,
        *(option for option in SHORT[1:] if "model." not in option),
        "--set=model.num_latents=4",
        "--set=model.latent_dim=8",
        "--set=model.latent_heads=2",
        "--set=model.weight_tie_layers=true",
    )
    driver.run("train", *options, EVERY_STEP, folder=tmp_path, faults=[("killed_before_step", 3)])
    done = driver.run("train", *options, EVERY_STEP, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert resumed_at(only_run(tmp_path)) == [3]
    assert differences(undisturbed(options), only_run(tmp_path)) == []
    evaluated = driver.run("eval", only_run(tmp_path).name, "--json", folder=tmp_path)
    assert evaluated.exit_code == 0, evaluated.stderr
