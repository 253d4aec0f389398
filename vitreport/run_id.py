"""The id of a run, which names its folder: the only module that knows the format."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

FORMAT = re.compile(r"(?P<group>.+-[0-9a-f]{8})-s(?P<seed>0|[1-9][0-9]*)(?:-r(?P<attempt>[2-9]|[1-9][0-9]+))?\Z")
NO_SEED = -1
MAX_DATASET_LENGTH = 40


def safe_name(text: str) -> str:
    """Replace characters that are unsafe in a file name by hyphens."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")


@dataclass(frozen=True, order=True)
class RunId:
    """`<model>-<dataset>-<hash8>-s<seed>`, followed by `-r<attempt>` from the second attempt on.

    A folder may have any other name, too: that name is its group then, and `seed` is NO_SEED.

    Runs that differ by their seed only share the `group`, in which both names may contain hyphens: read them from the
    spec. `attempt` is 2 and more if a spec was trained again from the start.
    """

    group: str
    seed: int = NO_SEED
    attempt: int = 1

    @classmethod
    def of(cls, model: str, dataset: str, spec_hash: str, seed: int) -> Self:
        """Make the id of the first attempt at a spec; any name of a dataset becomes a safe part of a file name."""
        safe = safe_name(dataset) or "images"
        return cls(f"{model}-{safe[:MAX_DATASET_LENGTH]}-{spec_hash}", seed)

    @classmethod
    def parse(cls, name: str) -> Self:
        """Parse the name of a run's folder."""
        match = FORMAT.match(name)
        return cls(match["group"], int(match["seed"]), int(match["attempt"] or 1)) if match else cls(name)

    def __str__(self) -> str:
        """Return the name of the run's folder."""
        return self.first_attempt if self.attempt == 1 else f"{self.first_attempt}-r{self.attempt}"

    @property
    def first_attempt(self) -> str:
        """The id without the attempt: the same for all attempts at one spec."""
        return self.group if self.seed == NO_SEED else f"{self.group}-s{self.seed}"


def is_meant(run_id: str, name: str) -> bool:
    """Return whether a name means a run: a complete id means its attempts (s1, never s10), any other what begins so."""
    if RunId.parse(name).seed == NO_SEED:
        return run_id.startswith(name)
    return name in (run_id, RunId.parse(run_id).first_attempt)


def common_id(run_ids: Sequence[str]) -> str:
    """Return the id of the only run, or of the group that several seeds belong to."""
    return run_ids[0] if len(run_ids) == 1 else RunId.parse(run_ids[0]).group


def newest_attempts(run_ids: Iterable[str]) -> list[str]:
    """Return the newest attempt at each spec among these runs, sorted by group and seed."""
    return [str(run) for run in {run.first_attempt: run for run in sorted(map(RunId.parse, run_ids))}.values()]
