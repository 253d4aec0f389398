"""The loop and its step: what an update is, what is told, what selects."""

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from timm.data.mixup import mixup_target
from timm.loss import SoftTargetCrossEntropy
from torch import Tensor
from torch.nn import functional

from tests.training.small import noise_arrays, small_setup, small_spec
from vitreport.data.batches import mixed_targets, mixing_partners
from vitreport.models.weights import named_weights
from vitreport.spec.run import RunSpec
from vitreport.training import loop, parallel
from vitreport.training.evaluate import measure, predict
from vitreport.training.events import EpochFinished, Event, Started, StepFinished
from vitreport.training.loop import TrainingState, fit, train_step
from vitreport.training.optimizers import set_learning_rate
from vitreport.training.setup import Setup

SGD = {"name": "sgd", "learning_rate": 0.5, "momentum": 0.0}


def run(
    spec: RunSpec, setup: Setup | None = None, *, before_batch: Callable[[], None] = lambda: None
) -> Iterator[Event]:
    setup = setup or small_setup(spec)
    monitored = {name: split for name, split in setup.splits.items() if name != "train"}
    return fit(setup.state, setup.batches, monitored, spec.train, setup.learning_rate, before_batch)


def one_step(spec: RunSpec) -> tuple[TrainingState, Tensor, dict[str, Tensor]]:
    """The state after one step, its loss, and how far each weight has moved."""
    setup = small_setup(spec)
    before = {name: tensor.clone() for name, tensor in named_weights(setup.state.model).items()}
    images, labels = next(setup.batches.epoch(0))
    set_learning_rate(setup.state.optimizer, 0.5)
    loss = train_step(setup.state, images, labels, spec.train)
    moved = {name: (tensor - before[name]).detach() for name, tensor in named_weights(setup.state.model).items()}
    return setup.state, loss, moved


def length(moved: dict[str, Tensor]) -> float:
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in moved.values()))


def test_clip_norm_bounds_the_update() -> None:
    """Plain gradient descent moves by the learning rate times the gradient."""
    _, _, free = one_step(small_spec(optimizer=SGD))
    _, _, clipped = one_step(small_spec(optimizer=SGD, train={"clip_norm": 0.01}))
    _, _, wide = one_step(small_spec(optimizer=SGD, train={"clip_norm": 1e3}))
    assert length(free) > 0.02
    assert length(clipped) == pytest.approx(0.5 * 0.01, rel=1e-3)
    assert length(wide) == pytest.approx(length(free), rel=1e-6)


def test_label_smoothing_mixes_in_the_mean_over_classes() -> None:
    setup = small_setup()
    images, labels = next(setup.batches.epoch(0))
    log_probabilities = functional.log_softmax(setup.state.model(images), dim=1)
    cross_entropy = -log_probabilities.gather(1, labels[:, None]).mean()
    expected = 0.9 * cross_entropy - 0.1 * log_probabilities.mean()
    _, loss, _ = one_step(small_spec(train={"label_smoothing": 0.1}))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.item() != pytest.approx(cross_entropy.item(), rel=1e-5)


MIX = {"mixup_alpha": 0.8, "cutmix_alpha": 1.0}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mixed_labels_are_smoothed_as_in_timm(smoothing: float) -> None:
    logits, labels = torch.randn(20, 10), torch.arange(20) % 7
    shares = torch.linspace(0, 1, 20)
    expected = SoftTargetCrossEntropy()(logits, mixup_target(labels, 10, shares[:, None], smoothing))
    targets = mixed_targets(labels, mixing_partners([20]), shares, 10)
    mixed = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
    assert mixed.item() == pytest.approx(expected.item(), rel=1e-6)


def test_step_on_mixed_images_has_the_loss_of_their_targets() -> None:
    """It is smoothed in the objective, and not in what is reported; the largest weight is the right answer."""
    spec = small_spec(data={"mix": MIX}, train={"label_smoothing": 0.1})
    setup = small_setup(spec)
    images, targets = next(setup.batches.epoch(0))
    logits = setup.state.model(images)
    smoothed = SoftTargetCrossEntropy()(logits, 0.9 * targets + 0.1 / 10)
    plain = SoftTargetCrossEntropy()(logits, targets)
    state, objective, _ = one_step(spec)
    assert objective.item() == pytest.approx(smoothed.item(), rel=1e-6)
    hits = int((logits.argmax(1) == targets.argmax(1)).sum())
    assert state.totals.tolist() == pytest.approx([20 * plain.item(), hits, 20])


def test_step_is_counted_with_its_cross_entropy_hits_and_images() -> None:
    """The loss that is reported can be compared between runs: it is not smoothed."""
    setup = small_setup()
    images, labels = next(setup.batches.epoch(0))
    logits = setup.state.model(images)
    hits = int((logits.argmax(1) == labels).sum())
    cross_entropy = functional.cross_entropy(logits, labels).item()
    state, objective, _ = one_step(small_spec(train={"label_smoothing": 0.5}))
    assert state.totals.tolist() == pytest.approx([20 * cross_entropy, hits, 20])
    assert objective.item() != pytest.approx(cross_entropy, rel=1e-5)
    assert [group["lr"] for group in state.optimizer.param_groups] == [0.5]


def test_bfloat16_computes_in_it_and_keeps_the_weights_in_float32() -> None:
    _, exact, _ = one_step(small_spec())
    state, rounded, _ = one_step(small_spec(train={"precision": "bfloat16"}))
    assert {tensor.dtype for tensor in named_weights(state.model).values()} == {torch.float32}
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)
    assert rounded.item() != exact.item()
    *_, last = run(small_spec(train={"precision": "bfloat16"}))
    assert isinstance(last, EpochFinished)
    assert math.isfinite(last.record.splits["val"].loss)


def test_events_tell_what_happens_in_order() -> None:
    spec = small_spec(schedule={"name": "cosine", "warmup_epochs": 1})
    setup = small_setup(spec)
    events = list(run(spec, setup))
    steps = [event for event in events if isinstance(event, StepFinished)]
    epochs = [event for event in events if isinstance(event, EpochFinished)]
    assert events[0] == Started(epochs=2, steps_per_epoch=5, epoch=0, step=0)
    assert [type(event) for event in events[1:7]] == [*[StepFinished] * 5, EpochFinished]
    assert [(event.epoch, event.step) for event in steps] == [(1 + step // 5, step + 1) for step in range(10)]
    assert [(event.record.epoch, event.record.step) for event in epochs] == [(1, 5), (2, 10)]
    rates = [setup.learning_rate(step) for step in range(10)]
    assert [event.learning_rate for event in steps] == rates
    assert [event.record.learning_rate for event in epochs] == [rates[4], rates[9]]
    assert rates[4] == pytest.approx(3e-4)
    assert 0 < rates[9] < rates[8] < rates[4]


def test_train_metrics_are_means_over_the_epoch() -> None:
    events = list(run(small_spec()))
    steps = [event for event in events if isinstance(event, StepFinished)]
    first = next(event for event in events if isinstance(event, EpochFinished))
    mean = sum(count * (event.loss or 0) for count, event in zip((20, 20, 20, 20, 10), steps[:5], strict=True)) / 90
    assert first.record.splits["train"].loss == pytest.approx(mean, rel=1e-6)
    assert first.record.images_per_second > 0
    assert first.record.seconds > 0
    assert first.record.peak_memory_bytes > 0


def test_time_of_the_receiver_of_events_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes a second here; a receiver that saves a checkpoint takes 100."""
    clock, spec = SimpleNamespace(now=0.0), small_spec()
    setup = small_setup(spec)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    events = []
    for event in run(spec, setup, before_batch=lambda: setattr(clock, "now", clock.now + 1)):
        events.append(event)
        clock.now += 100
        if isinstance(event, StepFinished):
            assert setup.state.seconds == event.step - 5 * (event.epoch - 1)
    epochs = [event.record for event in events if isinstance(event, EpochFinished)]
    assert [(epoch.seconds, epoch.images_per_second) for epoch in epochs] == [(5, 18), (5, 18)]


def test_validation_selects_and_the_test_split_does_not() -> None:
    """Other test images change what is told of the test split, and nothing else."""
    spec = small_spec(train={"monitor_test": True, "epochs": 4}, optimizer={"name": "adamw", "learning_rate": 0.05})
    setups = [small_setup(spec, noise_arrays(test_seed=seed)) for seed in (1, 2)]
    told = [[event for event in run(spec, setup) if isinstance(event, EpochFinished)] for setup in setups]
    accuracies = [event.record.splits["val"].accuracy for event in told[0]]
    best = setups[0].state.best
    assert best
    last_of_the_best = max(range(len(accuracies)), key=lambda place: (accuracies[place], place))
    assert (best.epoch, best.accuracy) == (1 + last_of_the_best, max(accuracies))
    assert [event.best_epoch for event in told[0]] == [event.best_epoch for event in told[1]]
    assert [event.record.splits["test"] for event in told[0]] != [event.record.splits["test"] for event in told[1]]
    for name, tensor in named_weights(setups[0].state.model).items():
        assert torch.equal(tensor, named_weights(setups[1].state.model)[name])


def test_best_weights_are_a_copy_of_those_of_their_epoch() -> None:
    spec = small_spec(train={"epochs": 4}, optimizer={"name": "adamw", "learning_rate": 0.05})
    setup = small_setup(spec)
    seen: dict[int, dict[str, Tensor]] = {}
    for event in run(spec, setup):
        if isinstance(event, EpochFinished):
            weights = named_weights(setup.state.model)
            seen[event.record.epoch] = {name: tensor.detach().clone() for name, tensor in weights.items()}
    best = setup.state.best
    assert best
    assert all(torch.equal(tensor, seen[best.epoch][name]) for name, tensor in best.weights.items())


def test_of_equally_good_epochs_the_last_is_the_best() -> None:
    setup = small_setup(small_spec())
    chosen, steps = [], []
    for step, accuracy in enumerate((0.5, 0.5, 0.4, 0.5, 0.3), start=1):
        setup.state.step = step
        setup.state.finish_epoch(accuracy)
        assert setup.state.best
        chosen.append(setup.state.best.epoch)
        steps.append(setup.state.best.step)
    assert chosen == steps == [1, 2, 2, 4, 4]


def test_selection_of_the_last_epoch_keeps_no_best() -> None:
    setup = small_setup(small_spec(train={"selection": "last"}))
    told = [event for event in run(small_spec(train={"selection": "last"}), setup) if isinstance(event, EpochFinished)]
    assert [event.best_epoch for event in told] == [None, None]
    assert setup.state.best is None


def test_measuring_neither_augments_nor_drops_out() -> None:
    spec = small_spec(
        model={"drop_rate": 0.5}, data={"augment": [{"name": "color_jitter", "brightness": 0.5}]}, train={"epochs": 1}
    )
    setup = small_setup(spec)
    *_, last = run(spec, setup)
    assert isinstance(last, EpochFinished)
    again = predict(setup.state.model, setup.splits["val"], small_spec().train, lambda: None)
    assert last.record.splits["val"] == measure(again.logits, again.labels)
    assert setup.state.model.training is False


def test_stop_comes_through_between_two_steps() -> None:
    class Stop(Exception):  # noqa: N818
        pass

    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 4:
            raise Stop

    spec = small_spec()
    setup = small_setup(spec)
    with pytest.raises(Stop):
        list(run(spec, setup, before_batch=stop))
    assert setup.state.step == 3
    assert setup.state.totals[2] == 60


def test_state_goes_on_in_another_loop_where_it_stands() -> None:
    spec = small_spec(model={"drop_rate": 0.1})
    whole, cut = small_setup(spec), small_setup(spec)
    list(run(spec, whole))
    for event in run(spec, cut):
        if isinstance(event, StepFinished) and event.step == 7:
            break
    torch.rand(5)
    events = list(run(spec, cut))
    assert events[0] == Started(epochs=2, steps_per_epoch=5, epoch=1, step=7)
    assert [event.step for event in events if isinstance(event, StepFinished)] == [8, 9, 10]
    for name, tensor in named_weights(whole.state.model).items():
        assert torch.equal(tensor, named_weights(cut.state.model)[name])


def test_finished_state_is_left_alone() -> None:
    spec = small_spec()
    setup = small_setup(spec)
    list(run(spec, setup))
    assert list(run(spec, setup)) == [Started(epochs=2, steps_per_epoch=5, epoch=2, step=10)]


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_a_run_is_a_function_of_its_spec(optimizer: str) -> None:
    spec = small_spec(optimizer={"name": optimizer}, model={"drop_rate": 0.2}, train={"epochs": 1})
    first, second = small_setup(spec), small_setup(spec)
    list(run(spec, first))
    torch.manual_seed(99)
    list(run(spec, second))
    for name, tensor in named_weights(first.state.model).items():
        assert torch.equal(tensor, named_weights(second.state.model)[name])


def test_dropout_is_seeded_by_the_rank_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_spec(model={"drop_rate": 0.2}, train={"epochs": 1})

    def losses(setup: Setup) -> list[float | None]:
        return [event.loss for event in run(spec, setup) if isinstance(event, StepFinished)]

    setups = [small_setup(spec) for _ in range(3)]
    assert (first := losses(setups[0])) == losses(setups[1])
    monkeypatch.setattr(loop, "parallel", SimpleNamespace(**{**vars(parallel), "rank": lambda: 1}))
    assert not set(losses(setups[2])) & set(first)
