"""Draws docs/terminal.svg: what stands on a terminal at the end of a real run, which this starts in a new folder.

``python docs/draw_terminal.py`` takes as long as that run; options for it follow, e.g. ``--env=test``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/terminal.svg"
COLUMNS, ROWS = 104, 40
FONTS = re.compile(r"@font-face \{\{.*?\}\}\n", re.DOTALL)  # would be fetched from another host


def recorded(arguments: list[str], folder: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments, f"--params=data_root={folder}/results"],
        cwd=ROOT,
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
    process.wait()
    return written.decode()


def screen(output: str) -> list[str]:
    """The lines after ``output``: carriage returns overwrite, CSI A goes up, CSI K clears, line feeds go down."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\d*[A-Za-z]|[^\x1b]", output):
        if part == "\x1b[A":
            row = max(0, row - 1)
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif len(part) == 1:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def draw(output: str, command: str, folder: str) -> None:
    """The screen as a picture, with the temporary ``folder`` as that of the project."""
    lines = [line for line in screen(output) if line]
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}", style="bold"))
    for line in lines:
        console.print(Text(line.replace(f"{folder}/results", "data").replace(f"{folder}/", "")))
    svg = console.export_svg(title="TPIGE", code_format=FONTS.sub("", CONSOLE_SVG_FORMAT))
    PICTURE.write_text(svg)


def main() -> None:
    """See the module's first lines."""
    options = sys.argv[1:] or ["--pipelines=full"]
    with tempfile.TemporaryDirectory() as folder:
        output = recorded(["kedro", "run", *options], folder)
    draw(output, f"kedro run {' '.join(options)}", folder)


if __name__ == "__main__":
    main()
