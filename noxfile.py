"""`nox` does what continuous integration does: style, types, import contracts, tests. `nox --list` shows the rest."""

import os
import shutil
import tempfile
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
STUDY = ("--study", "small-images", "--seeds", "1..3")
RESULTS = (*STUDY, "--template", "templates/results.md.j2", "--assets", "docs/results")
EXAMPLES = ("digits", "small-images")  # docs/examples has their reports
TORCH = ("perceiver-pytorch", "timm", "torch", "torchvision", "transformer-in-transformer")
WITHOUT_QUESTIONS = {"DEBIAN_FRONTEND": "noninteractive"}

nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session) -> None:
    """Install vitreport with its extras and the development tools."""
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    session.install(f".[{extras}]", *nox.project.dependency_groups(PROJECT, "dev"))


def install_without_torch(session: nox.Session, group: str) -> None:
    """Install a group of tools and what vitreport needs for all that trains nothing: torch is large."""
    light = [each for each in PROJECT["project"]["dependencies"] if not each.startswith(TORCH)]
    session.install(*light, *nox.project.dependency_groups(PROJECT, group))


@nox.session
def check(session: nox.Session) -> None:
    """Check style, types and import contracts, run the tests, and compare the README with the records."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("pytest", *session.posargs)
    session.run("vitreport", "report", *RESULTS, "--check", "README.md")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in docs/_build/html; a warning is an error."""
    install_without_torch(session, "docs")
    session.install("--no-deps", ".")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the packages, check them, install the wheel and make a report with it."""
    install_without_torch(session, "package")
    runs = Path("runs").absolute()
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        session.run("twine", "check", "--strict", *map(str, Path(folder).iterdir()))
        session.install("--no-deps", "--force-reinstall", *map(str, Path(folder).glob("*.whl")))
        with session.chdir(folder):
            session.run("vitreport", "spec", "show", "perceiver-io", "--dataset", "digits", silent=True)
            session.run("vitreport", "report", "--runs-dir", str(runs), "-o", "report.html")


@nox.session
def results(session: nox.Session) -> None:
    """Make the README's results and the reports in docs/examples from the records under runs/."""
    install(session)
    session.run("vitreport", "report", *RESULTS, "--inject", "README.md")
    for study in EXAMPLES:
        example = ("--study", study, "--seeds", "1..3", "--no-assets", "-o", f"docs/examples/{study}.md")
        session.run("vitreport", "report", *example)


@nox.session
def long(session: nox.Session) -> None:
    """Run the tests that take minutes."""
    install(session)
    session.run("pytest", "-m", "long", *session.posargs)


@nox.session
def cluster(session: nox.Session) -> None:
    """Run sweeps on a Slurm of one node; on Debian and Ubuntu, root installs Slurm first."""
    if not shutil.which("slurmctld") and shutil.which("apt-get") and not os.geteuid():
        packages = ("install", "--yes", "--quiet", "--no-install-recommends", "slurm-wlm", "munge")
        for command in (("update", "--quiet"), packages):
            session.run("apt-get", *command, external=True, success_codes=range(256), env=WITHOUT_QUESTIONS)
    if not shutil.which("slurmctld"):
        session.skip("Slurm is not installed, and cannot be installed here (apt-get install slurm-wlm munge)")
    folder = Path(session.bin).parent.parent / "check" / "bin"
    if all((folder / name).exists() for name in ("pip", "pytest")):  # with torch, which is large
        session.run(str(folder / "pip"), "install", "--quiet", "--no-deps", ".", external=True)
        session.run(str(folder / "pytest"), "-n", "2", "-rs", "tests/cluster", *session.posargs, external=True)
    else:
        install(session)
        session.run("pytest", "-n", "2", "-rs", "tests/cluster", *session.posargs)


@nox.session
def golden(session: nox.Session) -> None:
    """Measure the golden values again after an intended numeric change; look at the difference before committing."""
    install(session)
    session.run("python", "-m", "tests.golden.refresh")
    session.run("python", "-m", "tests.report.refresh")


@nox.session
def benchmark(session: nox.Session) -> None:
    """Run the benchmarks; arguments go to the training benchmark: `nox -s benchmark -- --data-dir DIR`."""
    install(session)
    for name in ("augment", "busy", "engines", "models", "planning", "presets", "report", "startup", "sweep"):
        session.run("python", "-m", f"benchmarks.{name}")
    session.run("python", "-m", "benchmarks.train_vs_notebook", *session.posargs)
