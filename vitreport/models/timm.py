"""Any classification model of timm, checked where it is built: only timm knows its names and their keywords."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from vitreport.errors import Problem, SpecError
from vitreport.models.memory import is_out_of_memory
from vitreport.models.tnt import with_dropout_out_of_place
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.data import CHANNELS
from vitreport.spec.fields import did_you_mean
from vitreport.spec.model import ModelSpec

REFUSED_KEYWORD = re.compile(
    r"(\w+)(?:\.__init__)?\(\) got (an unexpected|multiple values for) keyword argument '(\w+)'"
)
SHOWN_CHARACTERS = 200  # of a reason that timm gives
MOST_MODULES = 10_000  # several times as many as the largest networks of timm register
LARGEST_INTEGER = 1_000_000


def build_timm(spec: TimmSpec, image_size: int, num_classes: int) -> nn.Module:
    """Images (B, 3, image_size, image_size) to logits (B, num_classes).

    Raises SpecError where timm has no such architecture or keyword, or the network does not fit the images, and where
    it would have more than `MOST_MODULES` modules or an argument is larger than `LARGEST_INTEGER`.
    """
    _check_name(spec.architecture)
    _check_integers(spec.arguments)
    network = with_dropout_out_of_place(_built(spec, image_size, num_classes))
    _check_logits(network, spec, image_size, num_classes)
    return network


def _check_name(architecture: str) -> None:
    import timm  # takes seconds

    name, _, tag = architecture.partition(".")
    if not timm.is_model(name):
        _refuse("model.architecture", "timm has no such model", did_you_mean(name, timm.list_models()), architecture)
    if tag and not timm.is_model_pretrained(architecture):
        hint = did_you_mean(architecture, timm.list_pretrained(f"{name}.*"))
        _refuse("model.architecture", "timm has no such weights", hint, architecture)


def _built(spec: TimmSpec, image_size: int, num_classes: int) -> nn.Module:
    try:
        with _modules_counted():
            return sized_network(spec, image_size, num_classes=num_classes)
    except Exception as error:  # whatever a constructor makes of keywords that it does not expect
        if is_out_of_memory(error):
            raise
        raise SpecError(problems=[_problem(spec, error)]) from error


def _check_integers(arguments: dict[str, Any]) -> None:
    """Refuse numbers that some constructors make a list or a loop of."""
    for name, value in arguments.items():
        if _largest(value) > LARGEST_INTEGER:
            fault = f"must not contain an integer above {LARGEST_INTEGER:,}"
            raise SpecError(problems=[Problem(f"model.arguments.{name}", fault, value=repr(value)[:SHOWN_CHARACTERS])])


def _largest(value: Any) -> int:
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


@contextmanager
def _modules_counted() -> Iterator[None]:
    """Stop a constructor that makes far more modules than any published network has; it could go on for hours."""
    count = 0

    def add(*_: Any) -> None:
        nonlocal count
        count += 1
        if count > MOST_MODULES:
            raise ValueError(f"more than {MOST_MODULES:,} modules")

    hook = register_module_module_registration_hook(add)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def trial_errors(spec: ModelSpec) -> Iterator[None]:
    """Turn whatever a network of timm's raises while it is tried in training into a SpecError about its arguments."""
    try:
        yield
    except Exception as error:
        if not isinstance(spec, TimmSpec) or isinstance(error, SpecError) or is_out_of_memory(error):
            raise
        fault = f"{spec.architecture} cannot be trained with these settings: {reason_of(error)}"
        field = "model.arguments" if spec.arguments else "model.architecture"
        raise SpecError(problems=[Problem(field, fault)]) from error


def sized_network(spec: TimmSpec, image_size: int, **keywords: Any) -> nn.Module:
    """The network for images of this size, which some architectures must be told and others cannot."""
    try:
        return _created(spec, img_size=image_size, **keywords)
    except TypeError as error:
        if _refused_keyword(error) != "img_size":
            raise
    return _created(spec, **keywords)


def _created(spec: TimmSpec, **keywords: Any) -> nn.Module:
    import timm

    network: nn.Module = timm.create_model(spec.architecture, **spec.arguments, **keywords)
    return network


def _refused_keyword(error: Exception) -> str | None:
    found = REFUSED_KEYWORD.search(str(error))
    return found[3] if found else None


def _problem(spec: TimmSpec, error: Exception) -> Problem:
    """What timm found wrong with the arguments, in the words of a spec."""
    found = REFUSED_KEYWORD.search(str(error))
    if found is None or found[3] not in spec.arguments:
        field = "model.arguments" if spec.arguments else "model.architecture"
        return Problem(field, f"timm cannot build {spec.architecture}: {reason_of(error)}")
    taker, kind, keyword = found.groups()
    field, value = f"model.arguments.{keyword}", repr(spec.arguments[keyword])
    if kind == "multiple values for":
        return Problem(field, f"is fixed by {spec.architecture}", "leave it out", value)
    hint = did_you_mean(keyword, _keywords(spec.architecture, taker))
    return Problem(field, f"{spec.architecture} takes no such keyword", hint, value)


def _keywords(architecture: str, taker: str) -> list[str]:
    """The keywords of the class or function that refused one."""
    import timm

    module = sys.modules[timm.model_entrypoint(architecture.partition(".")[0]).__module__]
    return list(signature(getattr(module, taker)).parameters) if hasattr(module, taker) else []


def _check_logits(network: nn.Module, spec: TimmSpec, image_size: int, num_classes: int) -> None:
    """Try the network on one image; it ends as it was."""
    try:
        logits = _logits(network, image_size)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever an architecture makes of a size or keywords that it was not written for
        raise SpecError(problems=[_misfit(spec, image_size, error)]) from error
    network.train()
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if found != (1, num_classes):
        fault = f"gives {found} for one image, not (1, {num_classes}) logits"
        _refuse("model.architecture", fault, "", spec.architecture)


def _logits(network: nn.Module, image_size: int) -> Any:
    with torch.no_grad():
        return network.eval()(torch.zeros(1, CHANNELS, image_size, image_size))


def _misfit(spec: TimmSpec, image_size: int, error: Exception) -> Problem:
    """The keywords are at fault where the network runs without them, else the size of the images."""
    if spec.arguments and _runs(spec.model_copy(update={"arguments": {}}), image_size):
        return Problem("model.arguments", f"{spec.architecture} does not run with these: {reason_of(error)}")
    fault = f"{spec.architecture} does not run at this size: {reason_of(error)}"
    return Problem("data.image_size", fault, value=str(image_size))


def _runs(spec: TimmSpec, image_size: int) -> bool:
    try:
        _logits(sized_network(spec, image_size), image_size)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception:
        return False
    return True


def reason_of(error: BaseException) -> str:
    """The first line of an error, of which some have none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:SHOWN_CHARACTERS]


def _refuse(field: str, message: str, hint: str, value: str) -> NoReturn:
    raise SpecError(problems=[Problem(field, message, hint, repr(value))])
