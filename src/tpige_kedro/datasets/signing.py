"""Signs finished clips with C2PA (content credentials), if a certificate is configured and ``c2pa-python`` is installed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tpige_kedro.files.errors import DatasetError
from tpige_kedro.models import local_path
from tpige_kedro.provenance import SOURCE_TYPE
from tpige_kedro.schemas import Provenance

INSTALL = "pip install tpige_kedro[c2pa]"


def signing_problem(provenance: Provenance) -> str:
    """Why clips could not be signed as configured, or the empty text."""
    from importlib.util import find_spec

    if provenance.certificate is None or provenance.private_key is None:
        return ""
    if find_spec("c2pa") is None:
        return f"provenance.certificate is set, but c2pa-python is not installed: {INSTALL}"
    for name in ("certificate", "private_key"):
        path = local_path(getattr(provenance, name))
        if not path.is_file():
            return f"provenance.{name}: {path} does not exist; correct it or set both to null"
    return ""


def sign(file: Path, title: str, provenance: Provenance) -> None:
    """Replace ``file`` by itself with a signed manifest. The last step: any later change breaks the signature.

    Raises:
        DatasetError: the library is missing, or does not accept the certificate or key.
    """
    if provenance.certificate is None or provenance.private_key is None:
        return
    if problem := signing_problem(provenance):
        raise DatasetError(problem)
    from c2pa import Builder, C2paError, C2paSignerInfo, Signer

    signed = file.with_name(f"{file.stem}-signed{file.suffix}")
    chain, key = (
        local_path(p).read_bytes() for p in (provenance.certificate, provenance.private_key)
    )
    try:
        info = C2paSignerInfo(provenance.algorithm.encode(), chain, key, None)
        with Signer.from_info(info) as signer, Builder(json.dumps(manifest(title))) as builder:
            builder.sign_file(str(file), str(signed), signer)
        os.replace(signed, file)
    except C2paError as error:
        raise DatasetError(
            f"{file.name} cannot be signed with provenance.certificate ({error}); correct certificate, key and algorithm"
        ) from error
    finally:
        signed.unlink(missing_ok=True)


def manifest(title: str) -> dict[str, object]:
    """What is signed: this file was created, by a trained algorithm."""
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    return {
        "claim_generator_info": [{"name": "tpige_kedro"}],
        "title": title,
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
