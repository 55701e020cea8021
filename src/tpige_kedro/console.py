"""Output cannot control the terminal: control characters in ids, file names and server texts are shown escaped."""

from __future__ import annotations

import logging

import click

from tpige_kedro.characters import shown

KEPT = "\n\t"  # in messages of several lines


class ShownRecord(logging.LogRecord):
    """A log record whose message and traceback show what cannot be seen, for every handler and every library."""

    def getMessage(self) -> str:
        """The message with its arguments."""
        return shown(super().getMessage(), KEPT)

    @property
    def markup(self) -> bool:
        """Whether ``[red]`` is a colour for Kedro's rich handler, as in messages of Kedro's own; in an id it is text."""
        return "rich_format" in self.__dict__ or bool(self.__dict__.get("markup"))

    @property
    def exc_text(self) -> str | None:
        """The traceback, once a formatter has made it."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = None if text is None else shown(text, KEPT)


def escape_logs() -> None:
    """Make :class:`ShownRecord` what loggers of this process create.

    A formatter in ``conf/logging.yml`` could not: Kedro reads that file before it knows this package, and reads it again.
    """
    if logging.getLogRecordFactory() is logging.LogRecord:
        logging.setLogRecordFactory(ShownRecord)


def echo(text: object) -> None:
    """Print a text that may hold anything."""
    click.echo(shown(str(text), KEPT))
