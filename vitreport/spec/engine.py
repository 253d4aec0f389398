"""Where the trials of a sweep are trained: the engine and its options, which change no result."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from vitreport.errors import Problem, SpecError, refuse_problems
from vitreport.runtime import ENGINE, ENGINE_OPTION
from vitreport.spec.section import Section
from vitreport.suggestions import did_you_mean

EngineName = Literal["local", "slurm"]
NAMES: tuple[EngineName, ...] = get_args(EngineName)
LOCAL_HINT = "use --jobs, --jobs-per-gpu, --threads and --device on this machine, or --engine slurm for a cluster"
SET_BY_VITREPORT = ("array", "error", "job-name", "ntasks", "open-mode", "output", "parsable", "signal", "wrap")
SECONDS_TO_SAVE = 90
"""How long before its time limit a job of Slurm is asked to stop."""
SHORTEST_MINUTES = 3


class EngineSpec(Section):
    """The `[engine]` table of a study: the name of the engine, and its options."""

    name: EngineName = "local"
    options: Mapping[str, str | int] = {}


def read_engine(name: str | None, assignments: Sequence[str], of_study: EngineSpec | None = None) -> EngineSpec:
    """Return the engine that the command line gives, or else the study; options of the command line come first.

    Options of the study are used for its own engine only. Raises SpecError for an unknown engine, or a bad option.
    """
    of_study = of_study or EngineSpec()
    known = next((each for each in NAMES if each == (name or of_study.name)), None)
    if known is None:
        raise SpecError(f"{ENGINE.given_as(name)} = {name!r}: unknown engine", did_you_mean(name or "", NAMES))
    given = dict(of_study.options) if known == of_study.name else {}
    given |= dict(map(_assignment, assignments))
    options = {each.replace("_", "-"): value for each, value in given.items()}
    refuse_problems(_problems(known, options))
    return EngineSpec(name=known, options=options)


def _assignment(text: str) -> tuple[str, str]:
    name, _, value = map(str.strip, text.partition("="))
    if not (name and value):
        raise SpecError(f"{ENGINE_OPTION.flag} {text!r} is not NAME=VALUE", "for example --engine-option partition=gpu")
    return name, value


def _problems(engine: EngineName, options: Mapping[str, str | int]) -> Iterator[Problem]:
    for name in options:
        if engine == "local":
            yield Problem(f"{ENGINE_OPTION.flag} {name}", "the engine local has no options", LOCAL_HINT)
        elif name in SET_BY_VITREPORT:
            yield Problem(f"{ENGINE_OPTION.flag} {name}", "is set by vitreport", "leave it out")
        elif name == "time" and 0 < _seconds(str(options[name])) < 60 * SHORTEST_MINUTES:
            fault = f"too short: a job is asked to stop {SECONDS_TO_SAVE} s before its time limit"
            hint = f"use at least {SHORTEST_MINUTES} minutes"
            yield Problem(f"{ENGINE_OPTION.flag} time", fault, hint, str(options[name]))
        elif name == "clusters":
            hint = "log in to that cluster and run the command there"
            yield Problem(f"{ENGINE_OPTION.flag} {name}", "jobs on another cluster cannot be followed", hint)
        elif not re.fullmatch(r"[a-z][a-z-]*", name):
            hint = "use the name of an option of sbatch, such as partition, account, time, memory, gpus or cpus"
            yield Problem(f"{ENGINE_OPTION.flag} {name}", "is not the name of an option", hint)


def _seconds(limit: str) -> int:
    """Return a time limit as Slurm reads it: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S; 0 if there is none."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit.strip(), re.ASCII)
    if not match:
        return 0
    days, *parts = match.groups()
    values = [int(part) for part in parts if part is not None]
    units = (3600, 60, 1) if days or len(values) == 3 else (60, 1)
    return int(days or 0) * 86400 + sum(value * unit for value, unit in zip(values, units, strict=False))
