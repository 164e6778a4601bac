"""mqtts with client certificates against a real broker: in with the right ones, a clear state with the wrong."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sp_broker import Broker
from sp_uplink import UplinkSite, status_row, until


class Authority:
    """Signs certificates into `folder`: ca.pem, NAME.pem, NAME.key."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write("ca.pem", self._signed(self._name, self._key, ca=True))

    def issue(self, file: str, common_name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        self._write(f"{file}.pem", self._signed(name, key, ca=False))
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{file}.key").write_bytes(text)

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(_usage(ca), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        return made.sign(self._key, hashes.SHA256())

    def _write(self, file: str, certificate: x509.Certificate) -> None:
        (self.folder / file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _usage(ca: bool) -> x509.KeyUsage:
    """What Python 3.13 insists on: an authority may sign certificates, and says so."""
    signs = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False, **signs
    )


@pytest.mark.parametrize(
    ("ca", "cert", "state"),
    [("ours", "ours", "connected"), ("other", "ours", "tls-failed"), ("ours", "", "")],
    ids=["all right", "unknown authority", "no certificate"],
)
def test_certificates(tmp_path: Path, ca: str, cert: str, state: str) -> None:
    ours, _ = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "other", "other")
    ours.issue("broker", "broker")
    ours.issue("board", "plant/pump")
    options = {
        "cafile": tmp_path / "ours/ca.pem",
        "certfile": tmp_path / "ours/broker.pem",
        "keyfile": tmp_path / "ours/broker.key",
        "require_certificate": "true",
        "use_identity_as_username": "true",
    }
    own = f'cert = "{tmp_path}/{cert}/board.pem"\nkey = "{tmp_path}/{cert}/board.key"\n' if cert else ""
    with (
        Broker(tmp_path / "broker", options=options) as broker,
        UplinkSite(
            tmp_path / "site", f"mqtts://127.0.0.1:{broker.port}", f'ca = "{tmp_path}/{ca}/ca.pem"\n{own}'
        ) as site,
    ):
        site.append(status_row(n) for n in range(500))
        site.start()
        if state == "connected":
            until(lambda: "as plant.pump" in broker.log, "in")
            until(lambda: site.status().get("state") == "no-collector", "rows are confirmed")
            assert "u'plant/pump'" in broker.log
        else:
            until(lambda: site.status().get("state") in ({state} if state else {"tls-failed", "unreachable"}), "told")
            assert site.rows("link.up") == []
            assert site.process is not None
            assert site.process.poll() is None
