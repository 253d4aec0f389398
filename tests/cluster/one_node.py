"""A Slurm cluster of one node, on this machine and in one folder, without systemd and without cgroups.

As root: `python -m tests.cluster.one_node FOLDER` starts it and prints the variable that its commands need. It ends
with Ctrl-C.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.forked_workers import end_with_parent

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
TIMEOUT_SECONDS = 30

CONFIGURATION = """\
ClusterName=one-node
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
MessageTimeout=5
KillWait=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={megabytes} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES PriorityTier=1 OverSubscribe=NO
PartitionName=urgent Nodes={host} PriorityTier=2
"""


def missing_parts() -> str:
    """Why no cluster can be started here; empty if one can."""
    if os.geteuid():
        return "only root can start a Slurm cluster"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    return f"not installed: {', '.join(missing)} (apt-get install slurm-wlm munge)" if missing else ""


def free_port() -> int:
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))
        port: int = connection.getsockname()[1]
        return port


@dataclass
class OneNode:
    """A cluster; a context manager."""

    folder: Path
    cpus: int = 4
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need to find the cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        host = socket.gethostname().partition(".")[0]
        values = {"host": host, "folder": self.folder, "cpus": self.cpus, "megabytes": megabytes}
        ports = {"controller_port": free_port(), "node_port": free_port()}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**values, **ports))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        places = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
        files = ("socket", "pid-file", "log-file", "seed-file")
        options = [f"--{option}={places[option.removesuffix('-file')]}" for option in files]
        self.start("munged", "--foreground", "--force", f"--key-file={key}", *options)
        wait_until(places["socket"].exists, "munged")
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        wait_until(lambda: "idle" in self.call("sinfo", "--noheader", "--format=%T"), "an idle node", self.logs)
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel_all()
        for name in ("slurmd", "slurmctld", "munged"):
            self.end(name)

    def cancel_all(self) -> None:
        """End every job and wait until it is gone."""
        self.call("scancel", "--me")
        wait_until(lambda: not self.jobs(), "the end of all jobs", self.logs)

    def jobs(self, state: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
        """Return the ids of the jobs in a state."""
        return self.call("squeue", "--noheader", "--array", f"--states={state}", "--format=%i").split()

    def start(self, program: str, *options: str) -> None:
        """Start a daemon."""
        with (self.folder / f"{program}.stderr").open("ab") as stderr:
            self.processes[program] = subprocess.Popen(
                [program, *options],
                env=os.environ | self.environment,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def end(self, program: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End a daemon, or kill it."""
        process = self.processes.pop(program)
        process.send_signal(number)
        try:
            process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def call(self, *command: str) -> str:
        """Return what one of Slurm's commands prints; empty if it fails."""
        environment = os.environ | self.environment
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()

    def logs(self) -> str:
        """Return the last lines of each daemon."""
        paths = [*self.folder.glob("*.stderr"), *self.folder.glob("slurm*.log")]
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in paths)


def wait_until(condition: Callable[[], bool], what: str, details: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} has not come. {details()}"
        time.sleep(0.1)


def main(arguments: Sequence[str]) -> None:
    if reason := missing_parts():
        sys.exit(reason)
    with OneNode(Path(arguments[0]).absolute()) as cluster:
        for name, value in cluster.environment.items():
            print(f"export {name}={value}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main(sys.argv[1:])
