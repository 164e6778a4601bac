"""mqtts with client certificates against a real broker: in with the right ones, a clear state with the wrong."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sp_broker import Broker
from sp_uplink import SOON, UplinkSite, status_row, until

from agent.cli.texts import TEXTS
from agent.uplink.notes import REFUSALS


class Authority:
    """Signs certificates into `folder`: ca.pem, NAME.pem, NAME.key."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write("ca.pem", self._signed(self._name, self._key, ca=True))

    def issue(
        self, file: str, common_name: str, *, days: int = 1, address: str = "127.0.0.1", since: int = -10
    ) -> None:
        """days: until it expires; since: until it is valid. Negative ones are in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        self._write(f"{file}.pem", self._signed(name, key, ca=False, days=days, address=address, since=since))
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{file}.key").write_bytes(text)

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool,
        days: int = 1,
        address: str = "127.0.0.1",
        since: int = -10,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=since))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(_usage(ca), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
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


@dataclass
class Case:
    """What is presented: the broker's certificate, our authority, our certificate; and the state it leads to."""

    state: str
    says: str = ""
    days: int = 1
    address: str = "127.0.0.1"
    ca: str = "ours"
    own: str = "ours"
    own_days: int = 1
    since: int = -10


CASES = {
    "all right": Case("no-collector"),
    "unknown authority": Case("cert-unknown", "not signed by an authority", ca="other"),
    "expired": Case("cert-expired", "has expired (this board's clock says 20", days=-2),
    "not yet valid": Case("cert-not-yet-valid", "is it set?", days=9, since=2),
    "another name": Case("cert-name", "for another name", address="127.0.0.2"),
    "no certificate of ours": Case("own-cert-refused", "names none", own=""),
    "ours of an unknown authority": Case("own-cert-refused", "does it take our certificate", own="other"),
    "ours expired": Case("own-cert-expired", "expired on 20", own_days=-2),
    "ours is not there": Case("tls-failed", "No such file", own="nowhere"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_certificates(tmp_path: Path, case: Case) -> None:
    ours, other = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "other", "other")
    ours.issue("broker", "broker", days=case.days, address=case.address, since=case.since)
    for authority in (ours, other):
        authority.issue("board", "plant/pump", days=case.own_days)
    options = {
        "cafile": tmp_path / "ours/ca.pem",
        "certfile": tmp_path / "ours/broker.pem",
        "keyfile": tmp_path / "ours/broker.key",
        "require_certificate": "true",
        "use_identity_as_username": "true",
    }
    folder = f"{tmp_path}/{case.own}"
    own = f'cert = "{folder}/board.pem"\nkey = "{folder}/board.key"\n' if case.own else ""
    more = f'ca = "{tmp_path}/{case.ca}/ca.pem"\n{own}'
    with (
        Broker(tmp_path / "broker", options=options) as broker,
        UplinkSite(tmp_path / "site", f"mqtts://127.0.0.1:{broker.port}", more, hurry=SOON) as site,
    ):
        site.append(status_row(n) for n in range(500))
        site.start()
        until(lambda: site.status().get("state") == case.state, f"{case.state}, not {site.status()}")
        if case.state == "no-collector":
            assert "u'plant/pump'" in broker.log
            return
        assert case.says in site.status()["reason"]
        assert site.rows("link.up") == []
        assert case.says in str(until(lambda: site.rows("link.refused"), "a row")[0].values()["reason"])
        assert site.process is not None
        assert site.process.poll() is None


def test_no_tls_at_all_is_told(tmp_path: Path) -> None:
    """The login page of a hotel's network in the broker's place."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answer_in_http, args=(listening,), daemon=True).start()
        url = f"mqtts://127.0.0.1:{listening.getsockname()[1]}"
        with UplinkSite(tmp_path / "site", url, hurry=SOON) as site:
            site.start()
            until(lambda: site.status().get("state") == "captive-portal", f"told: {site.status()}")


def _answer_in_http(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n")
            connection.close()


def test_every_state_has_its_words() -> None:
    assert {f"link-{state}" for state in (*REFUSALS, "captive-portal")} - set(TEXTS) == set()
    assert {case.state for case in CASES.values()} >= {state for state in REFUSALS if "cert-" in state}
