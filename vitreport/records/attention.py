"""attention.json: what attention.png shows of a run."""

from typing import Annotated

from pydantic import Field

from vitreport.records.measurement import MAX_TILE, ClassifiedImage
from vitreport.records.schema import SCHEMA_VERSION, Record, Text, Version

MAX_SHOWN = 12


class AttentionRecord(Record):
    """Test images that show what the network of a run attends to, and the method in words.

    attention.png has each image beside the same image under its attention map, `side` pixels each. The checksums are
    those of attention.png and of the weights in best.safetensors.
    """

    schema_version: Version = SCHEMA_VERSION
    method: Text
    images: Annotated[tuple[ClassifiedImage, ...], Field(min_length=1, max_length=MAX_SHOWN)]
    side: Annotated[int, Field(ge=1, le=MAX_TILE)]
    sha256: Text
    weights_sha256: Text
