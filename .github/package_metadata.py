"""Metadata of the package that depend on where it is built: the addresses of the repository, and whole links."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r'(\]\(|src="|srcset=")(?!https?:|#)([^)"\s]+)')
PICTURES = (".png", ".svg")


class RepositoryMetadata(MetadataHookInterface):
    """Reads the repository from the variables that GitHub sets; elsewhere the README stays as it is."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`: PyPI shows the README without the files that it links to."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["urls"] = {}
        if repository := os.environ.get("GITHUB_REPOSITORY"):
            home, ref = f"https://github.com/{repository}", os.environ.get("GITHUB_REF_NAME", "main")
            files, raw = f"{home}/blob/{ref}", f"https://raw.githubusercontent.com/{repository}/{ref}"
            text = RELATIVE.sub(lambda m: f"{m[1]}{raw if m[2].endswith(PICTURES) else files}/{m[2]}", text)
            metadata["urls"] = {
                "Source": home,
                "Documentation": f"{files}/docs/index.md",
                "Changelog": f"{files}/CHANGELOG.md",
                "Issues": f"{home}/issues",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
