"""The presets that come with vitreport: one TOML file for each published experiment."""

from itertools import takewhile
from pathlib import Path

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.compose import Layer
from vitreport.spec.load import read_file

FOLDER = Path(__file__).parent.parent / "presets"


def preset_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_preset(name: str) -> Layer:
    """A preset by name. Raises SpecError with the nearest names."""
    if name not in preset_names():
        raise SpecError(problems=[unknown_preset(name)])
    return Layer(f"preset {name}", read_file(FOLDER / f"{name}.toml").values, kind="preset")


def unknown_preset(name: str) -> Problem:
    hint = did_you_mean(name, preset_names()) or "`vitreport models` lists them"
    return Problem("preset", "unknown preset", hint, repr(name))


def preset_for(model: str, dataset: str) -> str | None:
    """The preset of a pair of model (as its spec's `whole_label` has it) and data set, where there is one."""
    name = f"{model}-{dataset}"
    return name if name in preset_names() else None


def presets_of(model: str) -> list[str]:
    """The presets of an architecture."""
    return [name for name in preset_names() if read_preset(name).values["model"]["name"] == model]


def preset_facts(name: str) -> list[str]:
    """What the head of a preset's file says after its command: figures, differences from the paper, time."""
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    head = list(takewhile(lambda line: line.startswith("#"), lines))
    return [text for line in head[1:] if (text := line.removeprefix("#").strip())]
