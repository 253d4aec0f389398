"""The spec of a classification model of timm."""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, file_or_nothing, pretrained_schema
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Name, added_later

SETTLED_ELSEWHERE = {
    "num_classes": "data.num_classes",
    "img_size": "data.image_size",
    "in_chans": "the data set: images have three channels",
    **dict.fromkeys(("pretrained", "pretrained_cfg", "pretrained_cfg_overlay"), "model.pretrained"),
    **dict.fromkeys(("checkpoint_path", "cache_dir"), "the command line: a spec names no path"),
    **dict.fromkeys(("features_only", "scriptable", "exportable"), "vitreport: it needs a classifier to train"),
}
PLAIN_SCHEMA = {"type": ["string", "number", "boolean"]}
ARGUMENTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": list(SETTLED_ELSEWHERE)}},
    "additionalProperties": {"anyOf": [PLAIN_SCHEMA, {"type": "array"}]},
}
SHOWN_CHARACTERS = 28
LARGEST_INTEGER = 10_000
LABEL_CHARACTERS = 33  # in a run's id, which is the name of a folder


def _hub_or_file(value: Any) -> Any:
    return True if value is True else file_or_nothing(value)


HubOrFile = Annotated[bool | str, BeforeValidator(_hub_or_file), pretrained_schema(False, True)]


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Keywords with what TOML can write and timm can take."""
    for name, value in arguments.items():
        if not (name.isidentifier() and _is_plain(value)):
            fault = "{name} must be a keyword with a finite number, a text, true, false or a list of these"
            raise PydanticCustomError("argument", fault, {"name": repr(name[:SHOWN_CHARACTERS])})
        if _largest(value) > LARGEST_INTEGER:  # some constructors make a list or a loop of a number
            fault = "{name} must not contain an integer above {largest}"
            raise PydanticCustomError("argument", fault, {"name": repr(name), "largest": f"{LARGEST_INTEGER:,}"})
    return arguments


def _largest(value: Any) -> int:
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


class TimmSpec(ArchitectureSpec):
    """A classification model of timm, by its name there.

    Which `arguments` there are is known to timm alone, so that they are checked where the network is built.
    """

    title = "timm (PyTorch Image Models)"
    citation = "wightman2019timm"
    description = (
        "A classification model of the library timm (PyTorch Image Models).\n\n"
        "`architecture` is its name in timm. `pretrained = true` starts from its weights on timm's hub\n"
        '(`architecture` can choose them: "NAME.TAG"). `arguments` are keyword arguments of timm\'s constructor.'
    )

    name: Literal["timm"] = "timm"
    pretrained: HubOrFile = added_later(default=False)
    architecture: Name = Field(examples=["resnet18"])
    arguments: Annotated[dict[str, Any], AfterValidator(_plain), WithJsonSchema(ARGUMENTS_SCHEMA)] = Field(default={})

    @property
    def label(self) -> str:
        return self.whole_label[:LABEL_CHARACTERS]

    @property
    def whole_label(self) -> str:
        return timm_label(self.architecture)

    def problems(self, data: DataSpec) -> list[Problem]:
        return [
            Problem(f"model.arguments.{name}", f"comes from {SETTLED_ELSEWHERE[name]}", "leave it out")
            for name in self.arguments
            if name in SETTLED_ELSEWHERE
        ]


def timm_label(architecture: str) -> str:
    """What presets of an architecture of timm are called after; a name with a tag, of other weights, is another one."""
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", architecture).strip("-.")
    return f"timm-{safe}"
