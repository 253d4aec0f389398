"""How far the trials of a sweep are: read from their records, never from what an engine says."""

from collections.abc import Sequence
from pathlib import Path

from vitreport.formatting import counted
from vitreport.records.folders import newest_attempts
from vitreport.records.reader import Run, read_run
from vitreport.store.run_state import trial_state
from vitreport.sweep.plan import Trial

RESULTS = ("done", "diverged")
"""The states in which there is nothing left to do."""


def read_trials(trials: Sequence[Trial], runs_dir: Path) -> dict[str, Run]:
    """Read the record of each trial that has one, by the id of its spec."""
    folders = newest_attempts(runs_dir, [trial.id for trial in trials])
    return {run_id: read_run(folder) for run_id, folder in folders.items() if folder.exists()}


def describe_done(states: Sequence[str]) -> str:
    """4 of 6 trials done already"""
    done, diverged = sum(state in RESULTS for state in states), states.count("diverged")
    if not done:
        return ""
    kept = f"; {diverged} of them diverged, which is a result and not tried again" if diverged else ""
    return f"{done} of {counted(len(states), 'trial')} done already{kept}"


def count_done(trials: Sequence[Trial], runs_dir: Path) -> str:
    """4 of 6 trials done"""
    runs = read_trials(trials, runs_dir)
    done = sum(trial_state(runs.get(trial.id)) in RESULTS for trial in trials)
    return f"{done} of {counted(len(trials), 'trial')} done"
