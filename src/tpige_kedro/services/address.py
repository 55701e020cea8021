"""The address of a service, as a user writes it into conf."""

from __future__ import annotations

from urllib.parse import urlsplit

from tpige_kedro.errors import ModelError


def check_address(base_url: str) -> None:
    """Raise ``ModelError`` if this is not a web address, or holds a password, which every record would repeat."""
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ModelError("base_url is not an address; start it with http:// or https://") from None
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "base_url must hold no user, password or query, as it stands in every record; give the key by an environment "
            "variable"
        )
    if not is_address:
        raise ModelError(
            f"base_url {base_url!r} is not an address; start it with http:// or https://"
        )
