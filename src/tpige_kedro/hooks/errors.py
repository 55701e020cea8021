"""How an error reaches the terminal."""

from __future__ import annotations

from click import ClickException

from tpige_kedro.characters import shown
from tpige_kedro.errors import TpigeError


class RunStopped(TpigeError, ClickException):
    """Ends ``kedro run`` with exit code 1 and this message alone: the user has to act on it, not on a traceback.

    Control characters in it are shown escaped.
    """

    def __init__(self, message: str) -> None:
        ClickException.__init__(self, shown(message, keep="\n\t"))
