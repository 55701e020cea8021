"""Errors of a command line or of conf in one or two lines, without a traceback; ``--verbose`` shows that, too."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from kedro.framework.cli.utils import KedroCliError

from tpige_kedro.hooks.errors import RunStopped

VERBOSE = click.Option(
    ["--verbose"], is_flag=True, help="Show the traceback of an error above its message."
)


class ReadableCommand(click.Command):
    """A command whose errors say what to do; unexpected errors keep their traceback."""

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Parse the command line."""
        with readable({}):
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        options = dict(ctx.params)
        verbose = ctx.params.pop("verbose", False)
        with readable(options, verbose):
            return super().invoke(ctx)


@contextmanager
def readable(options: Mapping[str, Any], verbose: bool = False) -> Iterator[None]:
    """Raise :class:`RunStopped` in place of an error that can be explained to the user."""
    try:
        yield
    except KedroCliError as error:  # would show itself without its message
        if verbose:
            traceback.print_exc()
        raise RunStopped(error.message) from error
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        if verbose:
            traceback.print_exc()
        raise
    except Exception as error:
        from tpige_kedro.commands.explained import explained

        message = explained(error, options)
        if message is None:
            raise
        if verbose:
            traceback.print_exc()
        else:
            message += "\n(--verbose shows the traceback)"
        raise RunStopped(message) from error
