"""Where the trials of a sweep are trained: the engine and its options, which change no result."""

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem, SpecError, raise_problems
from vitreport.runtime import ENGINE, ENGINE_OPTION
from vitreport.spec.base import BaseSpec
from vitreport.spec.fields import dotted_path
from vitreport.suggestions import did_you_mean

EngineName = Literal["local", "slurm"]
NAMES: tuple[EngineName, ...] = get_args(EngineName)
LOCAL_HINT = "use --jobs, --jobs-per-gpu, --threads and --device on this machine, or --engine slurm for a cluster"
SET_BY_VITREPORT = ("array", "error", "job-name", "ntasks", "open-mode", "output", "parsable", "signal", "wrap")
SECONDS_TO_SAVE = 90
"""How long before its time limit a job of Slurm is asked to stop."""
SHORTEST_MINUTES = 3
LOOK = "seconds-between-looks"
"""An option of the engine that sbatch does not have."""

_SBATCH = """
account acctg-freq batch bb bbf begin chdir cluster-constraint comment consolidate-segments constraint container
container-id contiguous core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency
distribution exclude exclusive export export-file extra extra-node-info get-user-env gid gpu-bind gpu-freq gpus
gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint hold ignore-pbs input kill-on-invalid-dep licenses
mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nice no-kill no-requeue nodefile
nodelist nodes ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket overcommit oversubscribe partition
power prefer priority profile propagate qos quiet reboot requeue reservation resv-ports segment sockets-per-node
spread-job stepmgr switches thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid use-min-nodes
verbose wait wait-all-nodes wckey
"""
KNOWN = ("memory", "cpus", LOOK, *_SBATCH.split())
"""The options of sbatch, and those that vitreport calls otherwise. A cluster may have more of them."""
MISSPELLED = 0.82  # the least similarity to a known option; container-image, of a common plugin, has 0.81


def _option(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise PydanticCustomError("option", "must be text in quotes or a whole number")
    return given


class EngineSpec(BaseSpec):
    """The `[engine]` table of a study: the name of the engine, and its options."""

    name: Annotated[EngineName, Field(examples=["slurm"])]
    options: Mapping[str, Annotated[str | int, BeforeValidator(_option)]] = {}


def read_engine(name: str | None, assignments: Sequence[str], of_study: EngineSpec | None = None) -> EngineSpec:
    """Return the engine that the command line gives, or else the study; options of the command line come first.

    Options of the study are used for its own engine only. Raises SpecError for an unknown engine, or a bad option.
    """
    of_study = of_study or EngineSpec(name="local")
    known = next((each for each in NAMES if each == (name or of_study.name)), None)
    if known is None:
        raise SpecError(f"{ENGINE.given_as(name)} = {name!r}: unknown engine", did_you_mean(name or "", NAMES))
    given = EngineSpec(name=known, options=dict(map(_assignment, assignments)))
    raise_problems(engine_problems(given, f"{ENGINE_OPTION.flag} "))
    own = of_study.options if known == of_study.name else {}
    return EngineSpec(
        name=known, options={_hyphened(each): value for each, value in [*own.items(), *given.options.items()]}
    )


def _hyphened(name: str) -> str:
    return name.replace("_", "-")


def _assignment(text: str) -> tuple[str, str]:
    name, _, value = map(str.strip, text.partition("="))
    if not (name and value):
        raise SpecError(f"{ENGINE_OPTION.flag} {text!r} is not NAME=VALUE", "for example --engine-option partition=gpu")
    return name, value


def engine_problems(engine: EngineSpec, place: str = "engine.options.") -> Iterator[Problem]:
    """Yield what is wrong with the options of an engine; `place` comes before the name that the user typed."""
    for typed, value in engine.options.items():
        name, field = _hyphened(typed), f"{place}{dotted_path([typed])}"
        if engine.name == "local":
            yield Problem(field, "the engine local has no options", LOCAL_HINT)
        elif name in SET_BY_VITREPORT:
            yield Problem(field, "is set by vitreport", "leave it out")
        elif name == "time" and 0 < _seconds(str(value)) < 60 * SHORTEST_MINUTES:
            fault = f"too short: a job is asked to stop {SECONDS_TO_SAVE} s before its time limit"
            yield Problem(field, fault, f"use at least {SHORTEST_MINUTES} minutes", str(value))
        elif name == "clusters":
            hint = "log in to that cluster and run the command there"
            yield Problem(field, "jobs on another cluster cannot be followed", hint)
        elif not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            hint = "use the name of an option of sbatch, such as partition, account, time, memory, gpus or cpus"
            yield Problem(field, "is not the name of an option", hint)
        elif name == LOOK and not _is_positive(value):
            yield Problem(field, "must be a number greater than 0", "leave it out to use the default")
        elif name not in KNOWN and (near := difflib.get_close_matches(name, KNOWN, n=2, cutoff=MISSPELLED)):
            yield Problem(field, "unknown option", f"did you mean {' or '.join(near)}?")


def _is_positive(value: str | int) -> bool:
    try:
        return 0 < float(value) < math.inf
    except (ValueError, OverflowError):
        return False


def _seconds(limit: str) -> int:
    """Return a time limit as Slurm reads it: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S; 0 if there is none."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit.strip(), re.ASCII)
    if not match:
        return 0
    days, *parts = match.groups()
    values = [int(part) for part in parts if part is not None]
    units = (3600, 60, 1) if days or len(values) == 3 else (60, 1)
    return int(days or 0) * 86400 + sum(value * unit for value, unit in zip(values, units, strict=False))
