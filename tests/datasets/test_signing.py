"""C2PA: a clip that is saved with a certificate carries a manifest that verifies, and that a changed byte breaks."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError

from datasets.mp4_boxes import boxes
from provenance.recipes import recipe
from tpige_kedro.datasets import Clip, Mp4Dataset, signing
from tpige_kedro.datasets.mp4_encoding import encode_clip
from tpige_kedro.datasets.signing import signing_problem
from tpige_kedro.provenance import SOURCE_TYPE
from tpige_kedro.provenance.recipe import read_recipe
from tpige_kedro.schemas import Provenance

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3)).astype(np.uint8)


def certificate(issuer: Any, issuer_key: Any, name: str, key: Any, authority: bool) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tests"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    usage = {
        "digital_signature": not authority,
        "key_cert_sign": authority,
        "crl_sign": authority,
    }
    unused = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
    usage |= dict.fromkeys(unused.split(), False)
    public = issuer_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def provenance(tmp_path: Path) -> Provenance:
    """A certificate of our own authority, and its key."""
    pytest.importorskip(
        "c2pa", reason="c2pa-python is not installed: pip install tpige_kedro[c2pa]"
    )
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate(None, root_key, "root", root_key, authority=True)
    leaf = certificate(root, root_key, "signer", key, authority=False)
    chain = b"".join(c.public_bytes(form.Encoding.PEM) for c in (leaf, root))
    (tmp_path / "chain.pem").write_bytes(chain)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    return Provenance(
        certificate=str(tmp_path / "chain.pem"), private_key=str(tmp_path / "key.pem")
    )


def manifest_store(file: Path) -> dict[str, Any]:
    from c2pa import Reader

    with Reader(str(file)) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    return found


def problems(file: Path) -> set[str]:
    """What verification complains of; that nobody knows our authority does not count."""
    found = {status["code"] for status in manifest_store(file).get("validation_status", [])}
    return found - {"signingCredential.untrusted"}


def test_a_signed_clip_verifies_and_a_changed_byte_is_seen(
    tmp_path: Path, provenance: Provenance
) -> None:
    file = tmp_path / "s1.mp4"
    Mp4Dataset(filepath=str(file)).save(Clip(FRAMES, 8, "A man waves.", provenance))
    store = manifest_store(file)
    active = store["manifests"][store["active_manifest"]]
    (actions,) = [a for a in active["assertions"] if a["label"].startswith("c2pa.actions")]
    assert actions["data"]["actions"][0]["action"] == "c2pa.created"
    assert actions["data"]["actions"][0]["digitalSourceType"] == SOURCE_TYPE
    assert active["title"] == "A man waves." and problems(file) == set()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chain.pem", "key.pem", "s1.mp4"]
    content = bytearray(file.read_bytes())
    content[content.index(b"mdat") + 40] ^= 1
    file.write_bytes(content)
    assert any("mismatch" in problem for problem in problems(file))


def test_a_signed_clip_plays_and_still_holds_its_xmp(
    tmp_path: Path, provenance: Provenance
) -> None:
    signed, plain = tmp_path / "signed.mp4", tmp_path / "plain.mp4"
    Mp4Dataset(filepath=str(signed)).save(Clip(FRAMES, 8, "x", provenance))
    Mp4Dataset(filepath=str(plain)).save(Clip(FRAMES, 8, "x", Provenance()))
    first, second = (Mp4Dataset(filepath=str(f)).load() for f in (signed, plain))
    np.testing.assert_array_equal(first.frames, second.frames)
    xmp = [c for kind, c in boxes(signed) if kind == "uuid" and c[:4].hex() == "be7acfcb"]
    assert len(xmp) == 1 and SOURCE_TYPE.encode() in xmp[0]


def test_a_signed_clip_still_holds_its_recipe(tmp_path: Path, provenance: Provenance) -> None:
    file, made = tmp_path / "s1.mp4", recipe()
    facts = (FRAMES.shape, 8, "x", provenance)
    Mp4Dataset(filepath=str(file)).save(encode_clip([FRAMES], *facts, recipe=made.text))
    assert read_recipe(file) == made and problems(file) == set()


def test_a_key_of_another_certificate_is_named_and_leaves_nothing_behind(
    tmp_path: Path, provenance: Provenance
) -> None:
    Path(str(provenance.private_key)).write_text("no key at all")
    with pytest.raises(DatasetError, match=r"provenance\.certificate"):
        Mp4Dataset(filepath=str(tmp_path / "a.mp4")).save(Clip(FRAMES, 8, "x", provenance))
    assert not list(tmp_path.glob("*signed*"))


def test_what_is_missing_is_said_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "chain.pem"
    there.write_text("x")
    configured = Provenance(certificate=str(there), private_key=str(tmp_path / "gone.pem"))
    assert signing_problem(Provenance()) == ""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install tpige_kedro[c2pa]" in signing_problem(configured)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    assert "gone.pem does not exist" in signing_problem(configured)
    assert signing.manifest("t")["title"] == "t"
