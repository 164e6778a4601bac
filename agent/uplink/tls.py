"""TLS with the broker: its context, and what went wrong in words that say whose certificate it is and why.

A board without a set clock finds every certificate expired or not yet valid: the reason then says what the clock says.
"""

from __future__ import annotations

import datetime
import ssl
from typing import NamedTuple

from agent.runtime.keys import certificate_ends

# X509_V_ERR_*, as ssl.SSLCertVerificationError.verify_code has them.
_UNKNOWN = {2, 18, 19, 20, 21, 27}
_NOT_YET, _EXPIRED = 9, 10
_NAME = {62, 63, 64}


class Fault(NamedTuple):
    """One word for `standpipe status`, and the reason."""

    state: str
    reason: str


class Files(NamedTuple):
    """PEM files by path, "" for none: the authority's, our certificate, its key."""

    ca: str
    cert: str
    key: str


def context(files: Files) -> ssl.SSLContext | Fault:
    """TLS 1.2 or newer, the broker's name checked. A Fault for a file that cannot be used."""
    try:
        made = ssl.create_default_context(cafile=files.ca or None)
    except (OSError, ValueError) as error:
        return Fault("tls-failed", f"[uplink] ca {files.ca}: {_words(error)}")
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.cert:
            made.load_cert_chain(files.cert, files.key or None)
    except (OSError, ValueError) as error:
        return Fault("tls-failed", f"[uplink] cert {files.cert} with key {files.key}: {_words(error)}")
    return made


def broken(error: ssl.SSLError, where: str, files: Files) -> Fault:
    """Why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _theirs(error, where)
    if "ALERT" in (error.reason or ""):
        return refused(where, files)
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return Fault("captive-portal", f"{where}: no TLS is spoken there: a captive portal, or a port without TLS")
    return Fault("tls-failed", f"TLS with {where}: {error.reason or error}")


def _theirs(error: ssl.SSLCertVerificationError, where: str) -> Fault:
    code, today = error.verify_code, f"this board's clock says {_now():%Y-%m-%d}"
    if code in _UNKNOWN:
        return Fault("cert-unknown", f"{where}: its certificate is not signed by an authority that [uplink] ca names")
    if code == _EXPIRED:
        return Fault("cert-expired", f"{where}: its certificate has expired ({today})")
    if code == _NOT_YET:
        return Fault("cert-not-yet-valid", f"{where}: its certificate is not valid yet ({today}: is it set?)")
    if code in _NAME:
        return Fault("cert-name", f"{where}: its certificate is for another name: wrong address, or a captive portal")
    return Fault("tls-failed", f"{where}: its certificate cannot be trusted: {error.verify_message}")


def refused(where: str, files: Files) -> Fault:
    """The broker ended the connection over our certificate, or before it said anything (TLS 1.3 tells no more)."""
    if not files.cert:
        return Fault(
            "own-cert-refused", f"{where} ends the connection: it may want a certificate, [uplink] cert names none"
        )
    ends = certificate_ends(files.cert)
    if ends is not None and ends <= _now():
        return Fault("own-cert-expired", f"our certificate {files.cert} expired on {ends:%Y-%m-%d}; {where} refuses it")
    return Fault("own-cert-refused", f"{where} ends the connection: does it take our certificate {files.cert}?")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return getattr(error, "strerror", None) or str(error)
