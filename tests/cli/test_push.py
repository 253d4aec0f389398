"""`vitreport push`, with a stand-in for the client of the Hub that takes the arguments of the real one."""

import shutil
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import Mock, create_autospec

import huggingface_hub
import pytest
import yaml
from huggingface_hub import CommitOperationAdd, HfApi, RepoUrl

import vitreport
from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.commands import TRAIN
from tests.records import DIVERGED, write_run
from vitreport.records.reader import Run, read_run

FILES = ["spec.json", "run.json", "metrics.jsonl", "result.json", "best.safetensors"]
URL = "https://huggingface.co/me/digits"


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of a finished run, which a test may change, and a token."""
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    (trained,) = (home / "runs").iterdir()
    return read_run(Path(shutil.copytree(trained, tmp_path / "runs" / trained.name)))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Mock:
    api: Mock = create_autospec(HfApi, instance=True)
    api.create_repo.return_value = RepoUrl(URL)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    return api


def download(hub: Mock, folder: Path) -> str:
    """Write what is in the only commit into a folder, and return the model card."""
    hub.create_commit.assert_called_once()
    for operation in hub.create_commit.call_args.args[1]:
        assert isinstance(operation, CommitOperationAdd)
        file = folder / operation.path_in_repo
        file.parent.mkdir(parents=True, exist_ok=True)
        with operation.as_file() as content:
            file.write_bytes(content.read())
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_run_is_one_commit_that_can_be_used(run: Run, hub: Mock, cli: Cli) -> None:
    done = cli("push", "perceiver", "me/digits", "--private")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{URL}\n", "")
    hub.create_repo.assert_called_once_with("me/digits", private=True, exist_ok=True)
    assert hub.create_commit.call_args.args[0] == "me/digits"
    assert hub.create_commit.call_args.kwargs == {"commit_message": f"Upload {run.id} with vitreport"}
    folder = Path("downloaded", run.id)
    card = download(hub, folder)
    assert sorted(file.name for file in folder.iterdir()) == sorted([*FILES, "README.md"])
    assert f"```sh\nhf download me/digits --local-dir runs/{run.id}\n```" in card
    assert run.result
    (index,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    value = index["results"][0]["metrics"][0]["value"]
    assert value == pytest.approx(run.result.selected.splits["test"].accuracy, abs=1e-6)
    assert read_run(folder) == replace(run, folder=folder)
    assert vitreport.load_model(run.id, "downloaded").runs == (run.id,)


def test_a_group_has_a_folder_for_each_finished_seed(run: Run, hub: Mock, cli: Cli) -> None:
    assert run.spec
    group = run.id.removesuffix("-s0")
    assert cli(*TRAIN, "--seed=1").exit_code == 0
    write_run(Path("runs"), run.spec.model_copy(update={"seed": 2}), None, error=DIVERGED)
    assert cli("push", group, "me/digits").stdout == f"{URL}\n"
    hub.create_repo.assert_called_once_with("me/digits", private=None, exist_ok=True)
    card = download(hub, Path("downloaded"))
    assert "1 of 3 seeds diverged" in card
    assert "```sh\nhf download me/digits --local-dir runs\n```" in card
    assert vitreport.load_model(group, "downloaded").runs == (f"{group}-s0", f"{group}-s1")


def test_a_dry_run_lists_files_and_sizes_and_needs_no_token(
    run: Run, hub: Mock, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    head, *rows = (line.split() for line in cli("push", run.id, "me/digits", "--dry-run").stdout.splitlines())
    assert (head, [name for name, _ in rows]) == (["file", "size"], ["README.md", *FILES])
    assert all(size.endswith("B") for _, size in rows)
    assert hub.mock_calls == []


@pytest.mark.usefixtures("run")
def test_a_missing_token_is_one_line(hub: Mock, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", "none")
    refused(cli("push", "perceiver", "me/digits"), 6, "no token", "hint: run `hf auth login`, or set HF_TOKEN")
    assert hub.mock_calls == []


@pytest.mark.usefixtures("run")
def test_a_failed_upload_is_one_line(hub: Mock, cli: Cli) -> None:
    hub.create_commit.side_effect = OSError("403 Forbidden\nand more")
    refused(cli("push", "perceiver", "me/digits"), 6, "cannot upload to me/digits: 403 Forbidden; hint: check the net")


@pytest.mark.usefixtures("run")
def test_the_real_client_without_a_network_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # without listening
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub, "HfApi", partial(HfApi, endpoint=endpoint))
        line = refused(cli("push", "perceiver", "me/digits"), 6, "cannot upload to me/digits: ", "onnection refused")
    assert "secret" not in line


@pytest.mark.parametrize("repo_id", ["a/b/c", "me/a b", "digits", ""])
def test_what_cannot_be_a_repository_is_refused(repo_id: str, run: Run, hub: Mock, cli: Cli) -> None:
    refused(cli("push", run.id, repo_id), 2, f"invalid repository id: {repo_id}; hint: use USER/NAME")
    assert hub.mock_calls == []


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("best.safetensors", 4, "best.safetensors is missing"),
        ("metrics.jsonl", 7, "1 of 1 record damaged"),
        ("result.json", 7, "1 of 1 record damaged"),
    ],
)
def test_a_run_that_is_not_whole_is_not_uploaded(
    file: str, code: int, said: str, run: Run, hub: Mock, cli: Cli
) -> None:
    (run.folder / file).unlink()
    refused(cli("push", run.id, "me/digits"), code, said)
    assert hub.mock_calls == []
