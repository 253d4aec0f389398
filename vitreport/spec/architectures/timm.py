"""The spec of a classification model of timm."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem
from vitreport.run_id import safe_name
from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.base import Name, added_later
from vitreport.spec.data import DataSpec

SET_ELSEWHERE = {
    "num_classes": "data.num_classes",
    "img_size": "data.image_size",
    "in_chans": "the dataset: images have three channels",
    **dict.fromkeys(("pretrained", "pretrained_cfg", "pretrained_cfg_overlay"), "model.pretrained"),
    **dict.fromkeys(("checkpoint_path", "cache_dir"), "the command line: a spec names no path"),
    **dict.fromkeys(("features_only", "scriptable", "exportable"), "vitreport: it needs a classifier to train"),
}
MAX_NUMBER = 10_000  # some constructors make a list or a loop of a number
ARGUMENT_FAULT = f"must be a keyword with text, true, false, a number to {MAX_NUMBER:,} or a list"


def _check_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    for name, value in arguments.items():
        if not (name.isidentifier() and _is_plain(value)):
            raise PydanticCustomError("argument", "{name} " + ARGUMENT_FAULT, {"name": repr(name[:28])})
    return arguments


def _is_plain(value: Any) -> bool:
    """Return whether TOML can write a value and timm can take it."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, str) or (isinstance(value, int | float) and abs(value) <= MAX_NUMBER)


class TimmSpec(ArchitectureSpec):
    """A classification model of the library timm (PyTorch Image Models).

    `architecture` is its name in timm. `pretrained = true` starts from its weights on timm's hub (`architecture` can
    choose them: "NAME.TAG"). `arguments` are keyword arguments of timm's constructor: they are checked when the
    network is built.
    """

    title = "timm (PyTorch Image Models)"
    citation = "wightman2019timm"
    has_hub = True

    name: Literal["timm"] = "timm"
    architecture: Name = Field(examples=["resnet18"])
    arguments: Annotated[dict[str, Any], AfterValidator(_check_arguments)] = Field(default={})
    pretrained: bool | str = added_later(default=False)  # type: ignore[assignment]  # others have no hub

    @property
    def whole_label(self) -> str:
        """The name in timm, as a file can have it."""
        return timm_label(self.architecture)

    def problems(self, data: DataSpec) -> Iterator[Problem]:
        """Yield the arguments that other fields settle."""
        for name in filter(SET_ELSEWHERE.get, self.arguments):
            yield Problem(f"model.arguments.{name}", f"comes from {SET_ELSEWHERE[name]}", "leave it out")


def timm_label(architecture: str) -> str:
    """Return what presets of an architecture of timm are called after; a tag, of other weights, is a part of it."""
    safe = safe_name(architecture)
    return f"timm-{safe}"
