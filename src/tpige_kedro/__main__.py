"""Run the installed package without the Kedro command: ``tpige-kedro --pipelines=full --conf-source=conf``, or ``tpige-kedro rehearse``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Configure the project and hand the arguments to ``kedro run``; in a notebook the result is returned."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    if not args and sys.argv[1:2] == ["rehearse"]:
        from tpige_kedro.commands.rehearse import rehearse

        return rehearse.main(sys.argv[2:], prog_name="tpige-kedro rehearse")
    interactive = hasattr(sys, "ps1")
    kwargs["standalone_mode"] = not interactive
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
