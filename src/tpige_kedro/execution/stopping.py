"""SIGTERM and Ctrl-C end a run in order: what was opened is closed, one line says how to resume, the exit code says why.

Kedro tells its hooks about exceptions only, and a stop must not be one: ``except Exception`` around an item would take it for a
failure of that item. So hooks register with :func:`when_stopped` what is to be closed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import FrameType
from typing import Any, NoReturn, Self

import click

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
NAMES = {signal.SIGINT: "Ctrl-C"}
UNWINDING = 5.0  # seconds for what is under way to notice that it was stopped; containers get ten before they are killed
CLOSING = 8.0  # seconds for the closers
LEAVING = 0.5  # seconds for threads to end by themselves

Closer = Callable[[], None]


class Stopped(BaseException):
    """The process was asked to stop by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)

    @property
    def code(self) -> int:
        """The exit code of a process that a signal ended, as shells count: 143 for SIGTERM, 130 for Ctrl-C."""
        return 128 + self.number

    def __str__(self) -> str:
        name = NAMES.get(self.number, self.number.name)
        return f"stopped ({name}): finished items are kept; run the same command again to go on"


class _Closers:
    """What is open, by the thread that opened it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: list[tuple[int, Closer]] = []

    def add(self, closer: Closer) -> None:
        with self._guard:
            self._open.append((threading.get_ident(), closer))

    def drop(self, closer: Closer) -> None:
        with self._guard:
            self._open = [entry for entry in self._open if entry[1] is not closer]

    def take_last(self, thread: int | None) -> Closer | None:
        """The closer that was added last (by ``thread``), which is then nobody else's."""
        with self._guard:
            for index in reversed(range(len(self._open))):
                if thread in {None, self._open[index][0]}:
                    return self._open.pop(index)[1]
        return None


_closers = _Closers()


def when_stopped(closer: Closer) -> Callable[[], None]:
    """Call ``closer`` once if the run is stopped, the one registered last first; returns what takes that back.

    >>> drop = when_stopped(lambda: print("closed"))
    >>> drop()
    >>> close_all()
    """

    def once() -> None:
        closer()

    _closers.add(once)
    return lambda: _closers.drop(once)


def close_all(thread: int | None = None) -> None:
    """Call all closers (that ``thread`` registered). One that fails hides neither the others nor the reason for the stop."""
    while (closer := _closers.take_last(thread)) is not None:
        try:
            closer()
        except Exception:
            logger.debug("could not be closed", exc_info=True)


def stoppable(command: Callable[..., Any]) -> Callable[..., Any]:
    """``command`` as one that SIGTERM and Ctrl-C end with all closers called, one line, and exit code 143 or 130.

    In other threads than the main one, which get no signals, and inside a stoppable command nothing changes.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread() or Watch.is_on:
            return command(*arguments, **options)
        watch = Watch()
        try:
            with watch:
                result = command(*arguments, **options)
        except BaseException:  # the stop, or what some library made of it
            if watch.stop is None:
                raise
            watch.end(watch.stop)
        if watch.stop is not None:  # some library kept it to itself
            watch.end(watch.stop)
        return result

    return run


def stop_before_it_begins() -> None:
    """Let Ctrl-C end this process with one line and exit code 130 while libraries are imported; a :class:`Watch` takes over.

    Nothing is open by then. Only where Ctrl-C has its default effect: who ignores it or handles it goes first.
    """

    def leave(*_: object) -> None:
        with suppress(OSError):  # the terminal is gone
            os.write(2, b"\nstopped (Ctrl-C): nothing had begun\n")
        os._exit(128 + signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


class Watch:
    """Handles the signals while it is entered, and sees to it that a stop does not take minutes.

    The first signal raises :class:`Stopped` in the main thread; a second one has its default effect, which is to end the process
    at once. If the main thread does not arrive in time (it may be joining threads that wait for a service, or some library may
    have swallowed the exception), or hangs in a closer (a store that does not answer), the watching thread calls the closers that
    are left and leaves with ``os._exit``: all files are saved atomically, so there is nothing to wait for.
    """

    is_on = False

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._others = set(threading.enumerate())
        self.stop: Stopped | None = None
        self._signalled, self._arrived = threading.Event(), threading.Event()
        self._closed = threading.Event()
        self._said = threading.Lock()

    def __enter__(self) -> Self:
        Watch.is_on = True
        threading.Thread(target=self._wait, daemon=True).start()
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler not in {signal.SIG_IGN, None}:  # `nohup`, `&` in a script: stay ignored
                self._before[number] = handler
                signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self.stop is None:
            self._restore()

    def end(self, stop: Stopped) -> NoReturn:
        """Call the closers, say the line, and exit; raises ``SystemExit``.

        Python joins all threads before it exits. One that waits for a service would hold that up until its request times out, for
        an answer that nobody saves, so with such threads the process ends without that.
        """
        self._arrived.set()
        close_all()
        self._say(stop)
        self._closed.set()
        started = set(threading.enumerate()) - self._others
        stuck = [thread for thread in started if not thread.daemon]
        for thread in stuck:
            thread.join(LEAVING / len(stuck))
        if any(thread.is_alive() for thread in stuck):
            _leave(stop.code)
        self._restore()
        raise SystemExit(stop.code) from None

    def _handle(self, number: int, _: FrameType | None) -> None:
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
        self.stop = Stopped(number)
        self._signalled.set()
        raise self.stop

    def _wait(self) -> None:
        self._signalled.wait()
        if self.stop is None:
            return
        arrived = self._arrived.wait(UNWINDING)
        if arrived and self._closed.wait(CLOSING):
            return
        closing = threading.Thread(target=close_all, daemon=True)
        closing.start()  # all closers, or those behind one that hangs
        closing.join(LEAVING if arrived else CLOSING)
        self._say(self.stop)
        _leave(self.stop.code)

    def _say(self, stop: Stopped) -> None:
        """One line on stderr, once."""
        if not self._said.acquire(blocking=False):
            return
        with suppress(OSError, ValueError):  # the terminal is gone
            if stop.number == signal.SIGINT and sys.stderr.isatty():
                click.echo(err=True)  # below the ^C
            click.echo(str(stop), err=True)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._signalled.set()
        Watch.is_on = False


def _leave(code: int) -> NoReturn:
    """End the process now, without waiting for its threads; processes that it started with ``multiprocessing`` end too."""
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for child in active_children():
            child.terminate()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
