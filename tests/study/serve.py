"""The page's server as a process of its own, which a test can kill: ``python serve.py DATA_ROOT PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from tpige_kedro.study.on_disk import FOLDER, Current
from tpige_kedro.study.page.app import make_app
from tpige_kedro.study.votes_store import VotesStore

if __name__ == "__main__":
    root, port = Path(sys.argv[1]), int(sys.argv[2])
    app = make_app(Current(root), VotesStore(root / FOLDER), ("127.0.0.1",))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
