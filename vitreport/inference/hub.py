"""Upload finished runs with their model card to the Hugging Face Hub. It was tested with a fake Hub only."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vitreport.analysis.summarize import summarize
from vitreport.errors import ResourceError, SpecError
from vitreport.models.weights import library_errors, reason_of
from vitreport.records.reader import Run
from vitreport.report.render import render_model_card
from vitreport.report.sections import make_page
from vitreport.store.evaluation import restore

FILES = ("spec.json", "run.json", "metrics.jsonl", "result.json", "best.safetensors")


def files_of(runs: Sequence[Run], folders: Sequence[Path], repo_id: str) -> dict[str, bytes | Path]:
    """Return what to upload by its path in the repository: finished runs, and the model card.

    `folders` has all folders of the group, because the card also counts the seeds without a result.

    Raises:
        RecordError: If a run cannot be restored from its files.
        SpecError: If the id of the repository is invalid.
    """
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        _, _ = repo_id.split("/")  # the card needs the user, too
        validate_repo_id(repo_id)
    except ValueError as error:
        hint = "use USER/NAME, with letters, digits, '-', '_' and '.'"
        raise SpecError(f"invalid repository id: {repo_id}", hint) from error
    restore(runs)
    card = render_model_card(make_page(summarize(folders)), repo_id=repo_id)
    places = {run.folder: "" if len(runs) == 1 else f"{run.id}/" for run in runs}
    own = {f"{place}{name}": folder / name for folder, place in places.items() for name in FILES}
    return {"README.md": card.encode(), **own}


def upload(files: Mapping[str, bytes | Path], name: str, repo_id: str, *, private: bool) -> str:
    """Upload all files in one commit, create the repository if necessary, and return its address.

    Raises ResourceError without a token or the network.
    """
    import huggingface_hub as hub

    if not hub.get_token():
        raise ResourceError("no token for the Hugging Face Hub", "run `hf auth login`, or set HF_TOKEN")
    hint = "check the network and the write access of your token, then run the same command again"
    with library_errors(lambda error: ResourceError(f"cannot upload to {repo_id}: {reason_of(error)}", hint)):
        api = hub.HfApi()
        repo = api.create_repo(repo_id, private=private or None, exist_ok=True)
        content = [hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=each) for path, each in files.items()]
        api.create_commit(repo_id, content, commit_message=f"Upload {name} with vitreport")
    return str(repo)
