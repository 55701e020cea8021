"""Servers on this machine that a run uses: whether anything answers at their address."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tpige_kedro.hooks.resources.problem import Problem, problem_of
from tpige_kedro.schemas import Parameters

PATIENCE = 2.0  # seconds for a connection on the same machine
PORTS = {"http": 80, "https": 443}


def check_servers(needed: Mapping[str, str], parameters: Parameters) -> Iterator[Problem]:
    """Models behind a ``base_url`` on this machine where nobody listens; services elsewhere are not asked."""
    for name in needed:
        url = parameters.models[name].options.get("base_url")
        if not isinstance(url, str) or not is_loopback(url):
            continue
        try:
            socket.create_connection(_address(url), PATIENCE).close()
        except OSError as error:
            reason = error.strerror or str(error)
            text = (
                f"nothing answers at base_url {url} ({reason}); is the server running? Start it, correct base_url, or run only "
                "the stages that do not use it (kedro run --pipelines=…)"
            )
            yield problem_of([name], needed, text, missing=True)


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine.

    >>> [
    ...     is_loopback(f"http://{host}/v1")
    ...     for host in ("localhost:8000", "127.0.0.2", "[::1]:1", "api.openai.com")
    ... ]
    [True, True, True, False]
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]
