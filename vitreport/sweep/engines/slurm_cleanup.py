"""Find the folders of Slurm submissions that are no longer needed."""

import shutil
from collections.abc import Collection
from pathlib import Path

from vitreport.records.folders import newest_attempt
from vitreport.records.reader import read_run
from vitreport.store.cleanup import TEMPORARY, Removal
from vitreport.store.run_state import FINISHED_STATES, LOCK_NAME, trial_state
from vitreport.sweep.engines import slurm_commands
from vitreport.sweep.engines.slurm_commands import ENDED, NoAnswerError
from vitreport.sweep.engines.slurm_queue import PREFIX
from vitreport.sweep.engines.submission import FOLDER, read_jobs


def find_submissions(runs_dir: Path) -> list[Removal]:
    """Return the submissions whose trials are all finished and have no job in the queue; none if Slurm does not answer.

    The others are kept: a job needs them, or they contain the log of a failed trial.
    """
    folders = [folder for folder in sorted((runs_dir / FOLDER).glob("*/")) if not folder.is_symlink()]
    finished = [folder for folder in folders if folder.match(TEMPORARY) or _is_finished(read_jobs(folder), runs_dir)]
    if finished and shutil.which("squeue"):
        try:
            queue = slurm_commands.own_jobs()
        except NoAnswerError:
            return []
        names = {name for (name, _), job in queue.items() if job.state not in ENDED}
        finished = [folder for folder in finished if PREFIX + folder.name not in names]
    return [Removal(folder, "logs of finished Slurm jobs", folder / LOCK_NAME) for folder in finished]


def _is_finished(run_ids: Collection[str], runs_dir: Path) -> bool:
    runs = (read_run(newest_attempt(runs_dir, run_id)) for run_id in run_ids)
    return bool(run_ids) and all(trial_state(run) in FINISHED_STATES for run in runs)
