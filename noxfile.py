"""`nox` does what continuous integration does: style, types, import contracts, tests."""

import nox

RESULTS = ("--study", "digits", "--seeds", "1..3", "--template", "templates/results.md.j2", "--assets", "docs/results")

nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def check(session: nox.Session) -> None:
    """Everything, in one environment: torch is large and is installed once."""
    session.install(".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("pytest", *session.posargs)
    session.run("vitreport", "report", *RESULTS, "--check", "README.md")


@nox.session
def results(session: nox.Session) -> None:
    """Make the README's results from the records under runs/."""
    session.install(".[dev]")
    session.run("vitreport", "report", *RESULTS, "--inject", "README.md")


@nox.session
def long(session: nox.Session) -> None:
    """The tests that take minutes."""
    session.install(".[dev]")
    session.run("pytest", "-m", "long", *session.posargs)


@nox.session
def golden(session: nox.Session) -> None:
    """Measure the golden values anew after an intended numeric change; look at the difference before committing."""
    session.install(".[dev]")
    session.run("python", "-m", "tests.golden.refresh")
    session.run("python", "-m", "tests.report.refresh")


@nox.session
def benchmark(session: nox.Session) -> None:
    """Run the benchmarks; arguments go to the training benchmark: `nox -s benchmark -- --data-dir DIR`."""
    session.install(".[dev]")
    session.run("python", "benchmarks/augment.py")
    session.run("python", "benchmarks/startup.py")
    session.run("python", "benchmarks/sweep.py")
    session.run("python", "benchmarks/models.py")
    session.run("python", "benchmarks/report.py")
    session.run("python", "benchmarks/presets.py")
    session.run("python", "benchmarks/train_vs_notebook.py", *session.posargs)
