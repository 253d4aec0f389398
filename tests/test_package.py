"""The metadata of the package: PyPI shows the README far from the files that it links to."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from tests.test_contracts import ROOT

LINK = re.compile(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"')


def metadata_of() -> dict[str, Any]:
    spec = spec_from_file_location("package_metadata", ROOT / ".github/package_metadata.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata: dict[str, Any] = {}
    module.RepositoryMetadata(str(ROOT), {}).update(metadata)
    return metadata


def test_on_github_every_link_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/vitreport")
    monkeypatch.setenv("GITHUB_REF_NAME", "v0.1.0")
    metadata = metadata_of()
    links = [one or other for one, other in LINK.findall(metadata["readme"]["text"])]
    pictures = [link for link in links if link.endswith((".png", ".svg"))]
    assert len(pictures) == 4
    assert all(
        link.startswith("https://raw.githubusercontent.com/somebody/vitreport/v0.1.0/docs/") for link in pictures
    )
    assert all(link.startswith("https://") for link in links)
    assert "https://github.com/somebody/vitreport/blob/v0.1.0/LICENSE" in links
    assert metadata["urls"]["Source"] == "https://github.com/somebody/vitreport"
    assert all((ROOT / link.split("/v0.1.0/")[1]).is_file() for link in links if "/v0.1.0/" in link)


def test_elsewhere_the_readme_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    metadata = metadata_of()
    assert metadata["readme"]["text"] == (ROOT / "README.md").read_text(encoding="utf-8")
    assert metadata["urls"] == {}
