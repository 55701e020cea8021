"""One message for each way in which the hub, the network or the disk fails: what is wrong, in the hub's own words, and what to do."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from tpige_kedro.errors import ModelError
from tpige_kedro.services.secrets import QUERY, known_secrets, remember, scrubbed
from tpige_kedro.weights.announced import WrongContentError
from tpige_kedro.weights.download import BrokenOffError

SETTINGS = "https://huggingface.co/settings/tokens"
SOURCE = "models.<name>.source"
ELSEWHERE = (
    "or download on a machine that can (`kedro download`) and copy the folder that HF_HOME names, or set "
    f"{SOURCE} to a local folder"
)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TIRED = frozenset({408, 425, 429, 500, 502, 503, 504})
COMMIT_LENGTH = 40
LONGEST = 400  # characters of a server's words


class NonsenseError(Exception):
    """The hub's answer cannot be understood: what it begins with."""


@dataclass(frozen=True)
class Asked:
    """What was asked of the hub: for messages."""

    place: str
    revision: str | None = None

    @property
    def shown(self) -> str:
        """The place, and the revision that is not the usual one."""
        at = f" at {self.revision}" if self.revision else ""
        return f"{self.place!r}{at}"


def model_error(error: Exception, asked: Asked) -> ModelError:
    """The error for users; no token is in it."""
    what, remedy = _explained(error, asked)
    message = f"model source {asked.shown}: {what}; {remedy}"
    return ModelError(scrubbed(message, {*known_secrets(), sent_token()} - {""}))


def sent_token() -> str:
    """The token that huggingface_hub sends, or nothing."""
    from huggingface_hub import get_token

    try:
        token = get_token() or ""
    except OSError:  # HF_HOME is no directory, or another user's
        return ""
    remember(token)
    return token


def _explained(error: Exception, asked: Asked) -> tuple[str, str]:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "the hub is not asked because HF_HUB_OFFLINE is set", f"unset it, {ELSEWHERE}"
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, asked)
    if isinstance(error, BrokenOffError | WrongContentError):
        return _broken_download(error)
    if isinstance(error, httpx2.TransportError | UnicodeEncodeError):
        return _no_connection(error)
    if isinstance(error, OSError):
        return _disk(error)
    return f"the hub at {endpoint()} gives an answer that is not a hub's ({_words(str(error))})", (
        "check HF_ENDPOINT, and whether a proxy or a network's login page answers instead: open that address in a browser"
    )


def _broken_download(error: Exception) -> tuple[str, str]:
    if isinstance(error, BrokenOffError):
        return f"the download was interrupted ({error}: {_innermost(error)})", (
            "run the same command again: what is here is kept and the rest is downloaded"
        )
    return f"a file is not what the hub announced ({error})", (
        "run again; if it stays, a proxy or a network's login page may be between you and the hub: open "
        f"{endpoint()} in a browser, {ELSEWHERE}"
    )


def _refusal(error: Exception, asked: Asked) -> tuple[str, str]:
    """The hub answered, and said no."""
    from huggingface_hub import errors

    status = error.response.status_code  # type: ignore[attr-defined]  # an error of HTTP
    said = f"the hub says {status}: {hub_words(error)}"
    token = sent_token()
    if isinstance(error, errors.GatedRepoError):
        return _gated(said, asked, token)
    if isinstance(error, errors.RevisionNotFoundError | errors.RemoteEntryNotFoundError):
        return _not_in_it(error, said, asked)
    if status == 401 and token and not isinstance(error, errors.RepositoryNotFoundError):
        return f"the hub does not accept the token ({said})", (
            f"set HF_TOKEN to a valid one ({SETTINGS}), or unset it and run `hf auth logout`"
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status in {401, 404}:
        rights = "check that the token may read it" if token else "set HF_TOKEN"
        return f"there is no such repository, or it is private ({said})", (
            f"check the spelling of {SOURCE}; no local folder has this name either; if it is private, {rights}"
        )
    return _other_refusal(status, said, asked)


def _not_in_it(error: Exception, said: str, asked: Asked) -> tuple[str, str]:
    """A revision or a file that the repository has not."""
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        name = f"models--{asked.place.replace('/', '--')}"
        stale = f", or delete {cache()}/{name}/refs/main if it comes from there"
        is_commit = asked.revision is not None and len(asked.revision) == COMMIT_LENGTH
        return f"it has no revision {asked.revision or 'main'} ({said})", (
            f"set models.<name>.revision to a commit, branch or tag of {page(asked.place)}/commits/main"
            f"{stale if is_commit else ''}"
        )
    return f"a file is not there ({said})", (
        f"compare the entry with {page(asked.place)}/tree/{asked.revision or 'main'}"
    )


def _other_refusal(status: int, said: str, asked: Asked) -> tuple[str, str]:
    if status == 403:
        return f"access is refused ({said})", (
            f"check on {page(asked.place)} whether the account has access, and on {SETTINGS} whether the token may read it"
        )
    if status in TIRED:
        return f"the hub is busy or down, also after waiting ({said})", (
            "run the same command again later: what is here is kept"
        )
    return f"the request failed ({said})", f"look at {page(asked.place)}, and run again"


def _gated(said: str, asked: Asked, token: str) -> tuple[str, str]:
    """The licence has to be accepted in a browser, once for an account."""
    accept = f"accept its terms on {page(asked.place)}"
    if token:
        return (
            f"it is gated ({said})",
            f"{accept} with the account of the token in use, then run again",
        )
    return f"it is gated ({said})", (
        f"{accept}, and set HF_TOKEN to a token of that account ({SETTINGS})"
    )


def _no_connection(error: Exception) -> tuple[str, str]:
    import httpx2

    if isinstance(error, UnicodeEncodeError | httpx2.LocalProtocolError):
        return "the token cannot be sent (spaces, or characters outside of ASCII)", (
            f"set HF_TOKEN to the token alone ({SETTINGS})"
        )
    request = getattr(error, "_request", None)
    host = request.url.host if request is not None else endpoint()
    words = _words(str(error) or type(error).__name__)
    if isinstance(error, httpx2.UnsupportedProtocol) and not host:
        return f"{endpoint()} is no address ({words})", f"set HF_ENDPOINT to https://{endpoint()}"
    if isinstance(error, httpx2.ProxyError):
        return f"the proxy refuses the connection ({words})", "check HTTPS_PROXY and NO_PROXY"
    if isinstance(error, httpx2.TimeoutException):
        why = f"{host} does not answer in time ({type(error).__name__})"
        return why, f"check the network, or raise HF_HUB_DOWNLOAD_TIMEOUT, {ELSEWHERE}"
    if "certificate" in words.lower():
        return f"the certificate of {host} is not trusted ({words})", (
            "set SSL_CERT_FILE to the certificates of your network"
        )
    return f"{host} cannot be reached ({words})", (
        f"check the network, HTTPS_PROXY and HF_ENDPOINT, {ELSEWHERE}"
    )


def _disk(error: OSError) -> tuple[str, str]:
    """Of the cache."""
    place = f" at {error.filename}" if error.filename else ""
    what = f"the hub's cache{place} cannot be written ({error.strerror or error})"
    if error.errno in FULL:
        return what, f"free some space, or set HF_HOME to a folder on another disk ({cache()} now)"
    return (
        what,
        f"change the permissions, or set HF_HOME to a folder that is writable ({cache()} now)",
    )


def hub_words(error: Exception) -> str:
    """What the hub itself says in an error, in one line."""
    response = error.response  # type: ignore[attr-defined]  # an error of HTTP
    return _words(getattr(error, "server_message", None) or response.reason_phrase or "no reason")


def page(place: str) -> str:
    """The page of a repository."""
    return f"{endpoint()}/{place}"


def endpoint() -> str:
    """The hub's address."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def cache() -> str:
    """The folder of the hub's cache."""
    from huggingface_hub import constants

    return os.path.abspath(constants.HF_HUB_CACHE)


def _words(text: str) -> str:
    """One line of bounded length; a query in an address may be a key."""
    line = QUERY.sub(r"\1?…", " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _innermost(error: BaseException) -> str:
    cause = error.__cause__
    return _words(str(cause) or type(cause).__name__) if cause is not None else "no reason given"
