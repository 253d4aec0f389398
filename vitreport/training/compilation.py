"""Compile a network with torch.compile where it saves time, by what was measured."""

import importlib.util
import os
import shutil
import sys
import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vitreport.errors import SpecError
from vitreport.formatting import duration
from vitreport.runtime import COMPILE
from vitreport.spec.run import RunSpec
from vitreport.training.device import autocast

MODES = ("auto", "on", "off")
MIN_GAIN = 1.05  # smaller ones are within what two measurements differ by
MARGIN = 2.0  # so many times the seconds of compiling must be saved, as other machines gain less
_compiled = False


class Gain(NamedTuple):
    """The measured effect of compiling.

    It has the speed-up of training and of evaluation (factors), the seconds to compile, and the FLOP/s of uncompiled
    training.
    """

    training: float
    evaluation: float
    seconds: float
    flops_per_second: float


class Choice(NamedTuple):
    """Whether to compile, and why."""

    compiles: bool
    reason: str


@cache
def measured_gains() -> dict[tuple[str, str, str], Gain]:
    """Return what was measured, by architecture, kind of device and precision: `benchmarks/compiling.py` writes it."""
    rows = tomllib.loads(Path(__file__).with_name("compiling.toml").read_text(encoding="utf-8"))["gain"]
    keys = ("architecture", "device", "precision")
    return {tuple(row[key] for key in keys): Gain(*(row[name] for name in Gain._fields)) for row in rows}


def has_compiler(device: torch.device) -> bool:
    """Return whether there is what torch.compile needs: a C++ compiler, or Triton for a GPU."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    program = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    return shutil.which(program) is not None


def check_mode(mode: str) -> None:
    """Raise SpecError for a mode that is not one of MODES."""
    if mode not in MODES:
        raise SpecError(f"{COMPILE.given_as(mode)} = {mode!r}: unknown mode", "use auto, on or off")


def choose(mode: str, spec: RunSpec, device: torch.device, flops: int, recorded: str | None = None) -> Choice:
    """Choose by `mode`; "auto" takes what is `recorded` of a run, else compiles if that saves time.

    `flops` are those of the whole training. The choice follows from them and the table, not from a measured time, so
    that a run is compiled on each machine with a compiler or on none.
    """
    if mode != "auto":
        return Choice(mode == "on", f"--compile {mode}")
    if not has_compiler(device):
        return Choice(compiles=False, reason="there is no compiler")
    if recorded:
        return Choice(recorded == "yes", "as when the run started")
    gain = measured_gains().get((spec.model.name, device.type, spec.train.precision))
    if not gain:
        return Choice(compiles=False, reason="its effect on this model has not been measured")
    if gain.training < MIN_GAIN:
        return Choice(compiles=False, reason="it does not make this model faster")
    saved = flops / gain.flops_per_second * (1 - 1 / gain.training)
    effect = f"it saves about {duration(saved)} and takes about {duration(gain.seconds)}"
    return Choice(saved > MARGIN * gain.seconds, effect)


def has_compiled() -> bool:
    """Return whether this process has compiled a network."""
    return _compiled


def compile_network(model: nn.Module, images: Tensor, precision: str, evaluated: int, cache_dir: Path) -> None:
    """Compile a network for training on batches like `images`, and for evaluations of `evaluated` images.

    Batches of other sizes are not compiled: each would take as long. The model's weights and buffers stay. Raises what
    torch raises where it cannot compile. Compiled code is kept in `cache_dir`, unless the user has chosen a directory.
    """
    global _compiled
    _compiled = True
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir / "compiled"))
    # not dynamic, so that the bits of a step do not depend on the batches before it
    model.compile(dynamic=False)
    compile_only_sizes(model, {len(images), evaluated})
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        with autocast(images.device, precision):
            logits = model.train()(images)
        logits.float().sum().backward()
    except Exception:
        model._compiled_call_impl = None
        raise
    finally:
        model.zero_grad()
        with torch.no_grad():
            for buffer, value in zip(model.buffers(), before, strict=True):
                buffer.copy_(value)


def compile_only_sizes(model: nn.Module, sizes: Collection[int]) -> None:
    """Let a compiled model compute batches of other sizes without compiling."""
    compiled: Any = model._compiled_call_impl

    def call(images: Tensor) -> Any:
        return (compiled if len(images) in sizes else model._call_impl)(images)

    model._compiled_call_impl = call
