"""What a test can plant in a training before it begins. A fault is its name and its parameters."""

import errno
import functools
import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests import machines
from tests.store.calls import Calls, patch
from vitreport import files
from vitreport.data import batches, digits
from vitreport.data.augment.sampling import RandomNumbers, position_numbers
from vitreport.randomness import permutation
from vitreport.store import checkpoint, evaluation, session
from vitreport.store.writer import RunWriter
from vitreport.training import loop
from vitreport.training.evaluate import predict
from vitreport.training.loop import StepFunction, TrainingState

Fault = tuple[int | str, ...]


def plant(faults: Sequence[Sequence[Any]]) -> None:
    for name, *parameters in faults:
        globals()[name](*parameters)


def not_flushed() -> None:
    """Do not wait for the disk."""
    patch.setattr(os, "fsync", lambda descriptor: None)


def copied_before_each_call(source: str, target: str) -> None:
    """Copy the folder `source` to `target`/<number>-<name> before each call: what a kill there would leave."""

    def copy(number: int, name: str) -> None:
        shutil.copytree(source, Path(target) / f"{number:04}-{name}", ignore=shutil.ignore_patterns(".lock"))

    Calls(copy)


def killed_before_call(number: int) -> None:
    Calls(lambda current, name: die() if current == number else None)


def failing_call(number: int, code: int) -> None:
    """The call of that number raises OSError once."""

    def fail(current: int, name: str) -> None:
        if current == number:
            raise OSError(code, os.strerror(code))

    Calls(fail)


def failing_forever(number: int, code: int) -> None:
    """From the call of that number on, nothing can be written any more."""

    def fail(current: int, name: str) -> None:
        if current >= number and name != "unlink":
            raise OSError(code, os.strerror(code))

    Calls(fail)


def on_machine(name: str) -> None:
    """The process shares the disk with others, but not their locks."""
    machines.plant(name)


def without_locks() -> None:
    """The file system has no locks, as Lustre where it is mounted without them."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    patch.setattr("fcntl.flock", flock)
    machines.hasten()


def killed_before_step(step: int) -> None:
    before_step(step, die)


def full_after_step(step: int) -> None:
    """Nothing can be written any more when `step` steps are done."""
    before_step(step, lambda: failing_forever(0, errno.ENOSPC))


def bug_before_step(step: int) -> None:
    """The package has a bug that shows when `step` steps are done."""
    before_step(step, lambda: int("a bug"))


def out_of_memory_before_step(step: int) -> None:
    """The device has no memory left when `step` steps are done."""
    before_step(step, lambda: bytearray(1 << 60))


def diverged_before_step(step: int) -> None:
    """The weights of this process are not finite when `step` steps are done."""
    before_step_of(step, lambda state: next(state.model.parameters()).data.fill_(float("nan")))


def signalled_before_step(step: int, *numbers: int) -> None:
    """The signals arrive one after the other when `step` steps are done and the next has begun."""
    before_step(step, lambda: send(numbers))


def ignored(number: int) -> None:
    """The process has been started with this signal ignored, as nohup and a shell's & do."""
    signal.signal(number, signal.SIG_IGN)


def signalled_in_evaluation(*numbers: int) -> None:
    """The signals arrive while the final evaluation measures its first split."""

    def predict_signalled(*arguments: Any, **options: Any) -> Any:
        patch.setattr(evaluation, "predict", predict)
        send(numbers)
        return predict(*arguments, **options)

    patch.setattr(evaluation, "predict", predict_signalled)


def signalled_in_epoch_evaluation(epoch: int, *numbers: int) -> None:
    """The signals arrive while the validation split is measured after the epoch of that number."""
    epochs = itertools.count(1)

    def predict_signalled(*arguments: Any, **options: Any) -> Any:
        if next(epochs) == epoch:
            send(numbers)
        return predict(*arguments, **options)

    patch.setattr(loop, "predict", predict_signalled)


def signalled_in_decoding(*numbers: int) -> None:
    """The signals arrive when the images of the dataset are being decoded."""
    load = digits.load_splits

    def load_signalled() -> Any:
        send(numbers)
        return load()

    patch.setattr(digits, "load_splits", load_signalled)


def paused_before_step(step: int, marker: str) -> None:
    """Wait to be killed; the file `marker` says that the step has been reached."""

    def pause() -> None:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)  # a signal between these lines is not lost, as it is before signal.pause()
        Path(marker).touch()
        os.read(woken, 1)

    before_step(step, pause)


def marked(marker: str) -> None:
    """The file `marker` appears when everything is ready for the first step."""
    train = session.Session.train

    def marked_train(*arguments: Any) -> Iterator[None]:
        Path(marker).touch()
        return train(*arguments)

    patch.setattr(session.Session, "train", marked_train)


def dropout_from_history() -> None:
    patch.setattr(loop, "seed_generators", lambda device, seed: None)


def order_from_history() -> None:
    """The order of an epoch depends on how many epochs this process has begun."""
    begun = itertools.count()
    order = permutation
    patch.setattr(batches, "permutation", lambda seed, purpose, epoch, count: order(seed, purpose, next(begun), count))


def augmentation_from_history() -> None:
    _numbers_from_history("augment")


def mixing_from_history() -> None:
    _numbers_from_history("mix")


def _numbers_from_history(faulty: str) -> None:
    """The numbers of a purpose depend on how many batches this process has drawn them for."""
    drawn = itertools.count()

    def numbers(seed: int, purpose: str, epoch: int, positions: NDArray[np.int64]) -> RandomNumbers:
        return position_numbers(seed + next(drawn) if purpose == faulty else seed, purpose, epoch, positions)

    patch.setattr(batches, "position_numbers", numbers)


def optimizer_not_restored() -> None:
    patch.setattr(checkpoint, "_restore", without(lambda state: state.optimizer.state.clear()))


def totals_not_restored() -> None:
    patch.setattr(checkpoint, "_restore", without(lambda state: state.totals.zero_()))


def best_not_restored() -> None:
    patch.setattr(checkpoint, "_restore", without(lambda state: setattr(state, "best", None)))


def step_not_restored() -> None:
    """The steps of the epoch under way are done again, on top of the weights that have seen them."""
    patch.setattr(checkpoint, "_restore", without(to_epoch_start))


def epochs_not_cut() -> None:
    patch.setattr(RunWriter, "cut_epochs", lambda writer, last, most: [])


def one_checkpoint_in_place() -> None:
    """A single file, overwritten where it stands."""

    def save(folder: Path, state: TrainingState) -> None:
        with patch.context() as context:
            context.setattr(
                checkpoint, "write_atomic", lambda path, content: in_place(path.with_stem("step-1"), content)
            )
            checkpoint.save_checkpoint(folder, state)

    patch.setattr("vitreport.store.writer.save_checkpoint", save)


def in_place(path: Path, content: bytes) -> None:
    files._write_flushed(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, content)


def before_step(step: int, action: Callable[[], object]) -> None:
    before_step_of(step, lambda state: action())


def before_step_of(step: int, action: Callable[[TrainingState], object]) -> None:
    train_step: StepFunction = vars(session)["train_step"]

    def step_with_action(state: TrainingState, *arguments: Any) -> Tensor:
        if state.step == step:
            action(state)
        return train_step(state, *arguments)

    patch.setattr(session, "train_step", step_with_action)


def without(lose: Callable[[TrainingState], Any]) -> Callable[..., None]:
    restore = checkpoint._restore

    def restore_less(state: TrainingState, *arguments: Any) -> None:
        restore(state, *arguments)
        lose(state)

    return restore_less


def to_epoch_start(state: TrainingState) -> None:
    state.step = STEPS_PER_EPOCH * state.epoch


def send(numbers: Sequence[int]) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)
        time.sleep(0)  # Python handles a signal between two of its instructions


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


STEPS_PER_EPOCH = 5


def compiler_missing() -> None:
    patch.setattr("torch._inductor.config.cpp.cxx", (None, "/nonexistent"))


def compiled_without_cpp() -> None:
    """torch.compile traces a network, and leaves it to torch's own operations."""
    patch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
