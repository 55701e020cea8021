"""A Hugging Face hub on loopback: real HTTP, the answers and headers that huggingface_hub expects, faults on demand.

    with FakeHub() as hub:
        commit = hub.add("owner/name", {"config.json": b"{}", "model.safetensors": weights})   # or a folder: Path
        hub.use(monkeypatch, tmp_path / "cache")     # this process talks to it, online, with an empty cache
        hub.fail(file="model.safetensors", drop_at=1000, times=1)
        ...
        assert hub.sent["owner/name", "model.safetensors"] == len(weights)   # bytes of bodies, over all requests
        assert hub.requests == []                    # (method, path) of every request since `hub.forget()`

``add`` again makes a new commit; old ones stay; ``revision`` names another branch or tag. ``gated=True`` and ``private=True`` let
in who sends a token of ``hub.members`` that lists the repository. ``use`` works in this process, ``environment`` is for another one.
``stop`` refuses connections. Files that LFS would keep are sent by a second server, as by the real one's CDN.

``fail(where, file=…)`` breaks the requests for what is ``"api"``, ``"file"`` (a file's address, also of small files) or ``"cdn"``
(the second server) or a ``"page"`` (of ``put``), the first ``times`` ones or all: see :class:`Fault` for how. ``LAYOUTS`` has published file names with contents of a few kB.
"""

from fake_hub.hub_faults import LOGIN_PAGE, Fault
from fake_hub.hub_itself import FakeHub, use_hub
from fake_hub.hub_layouts import LAYOUTS

__all__ = ["LAYOUTS", "LOGIN_PAGE", "FakeHub", "Fault", "use_hub"]
