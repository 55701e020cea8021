"""Print the versions of a report of pip as constraints (see the head of constraints.txt).

Versions lose their local part: 2.13.0 stands for the CPU build 2.13.0+cpu, too.
"""

import json
import sys
from pathlib import Path

OWN = "tpige_kedro"


def main(report: str) -> None:
    """Write the pins of ``report`` under the head that is there."""
    here = Path(__file__).with_name("constraints.txt")
    head = [line for line in here.read_text().splitlines() if line.startswith("#")]
    found = [item["metadata"] for item in json.loads(Path(report).read_text())["install"]]
    pins = {m["name"].lower().replace("_", "-"): m["version"].split("+")[0] for m in found}
    del pins[OWN.replace("_", "-")]
    lines = [*head, *(f"{name}=={version}" for name, version in sorted(pins.items()))]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
