"""Where results come from: marks inside files that say AI-made, and the code and libraries that made them, for records."""

from tpige_kedro.provenance.versions import GitState, environment, git_state
from tpige_kedro.provenance.xmp import (
    COMMENT,
    MP4_UUID,
    PNG_KEYWORD,
    SOURCE_TYPE,
    XMP,
    record_entry,
    xmp_box,
)

__all__ = [
    "COMMENT",
    "MP4_UUID",
    "PNG_KEYWORD",
    "SOURCE_TYPE",
    "XMP",
    "GitState",
    "environment",
    "git_state",
    "record_entry",
    "xmp_box",
]
