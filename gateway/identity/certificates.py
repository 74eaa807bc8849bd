"""The certificate files of this process: read together, checked, and read anew when they change."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway.identity.handshake import try_server

_log = structlog.get_logger(__name__)
_MAX_FILE_BYTES: Final = 1024 * 1024
"""A bundle of some hundred authorities; beyond it somebody named the wrong file."""


class CertificateError(Exception):
    """Certificate files that cannot be used. Shows no key."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the three PEM files are."""

    certificate: Path
    """Our own, with what stands between it and its authority."""
    key: Path
    """Of that certificate."""
    authorities: Path
    """Whom we believe about the other side."""

    def stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what tells changed files from unchanged ones without reading them."""
        return tuple(_stamp(path) for path in (self.certificate, self.key, self.authorities))


@dataclass(frozen=True, slots=True)
class Credentials:
    """The contents of the three files, known to go together."""

    certificate: bytes
    key: bytes
    authorities: bytes

    def __repr__(self) -> str:
        """Show no key."""
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class CertificateStanding:
    """How the certificate in use stands."""

    file: str
    expires_s: float
    """In Unix time."""
    refused: bool
    """Whether the files as they are now cannot be used, so that older ones are."""


class RotatingCredentials:
    """The last usable contents of certificate files that somebody replaces while we run.

    Called from gRPC's own threads, before each handshake, and by whoever measures.
    """

    def __init__(self, files: CertificateFiles) -> None:
        """Read the files; raises `CertificateError`."""
        self._files = files
        self._lock = threading.Lock()
        self._looked_at = files.stamps()
        self._refused = False
        self.current, self._expires_s = _read_for_server(files)
        self._handed_out = self.current

    def changed(self) -> Credentials | None:
        """Return new contents once; None if the files are as they were, or are not usable.

        What is not usable is logged once, and what was used before stays in use: a certificate that
        is replaced before its key is, is read when both are there.
        """
        with self._lock:
            self._look()
            if self.current is self._handed_out:
                return None
            self._handed_out = self.current
            return self.current

    def standing(self) -> CertificateStanding:
        """Look at the files, also while nobody shakes hands, and return how they stand."""
        with self._lock:
            self._look()
            return CertificateStanding(
                str(self._files.certificate), self._expires_s, refused=self._refused
            )

    def _look(self) -> None:
        stamps = self._files.stamps()
        if stamps == self._looked_at:
            return
        self._looked_at = stamps
        try:
            credentials, expires_s = _read_for_server(self._files)
        except CertificateError as error:
            self._refused = True
            _log.error("certificate_refused", problem=str(error), advice="the old one stays")
            return
        self._refused = False
        if credentials == self.current:
            return
        self.current, self._expires_s = credentials, expires_s
        _log.info("certificate_rotated", certificate=str(self._files.certificate))


def read_credentials(files: CertificateFiles) -> Credentials:
    """Read the three files and check that they go together; raises `CertificateError`."""
    return _checked(files)[0]


def _read_for_server(files: CertificateFiles) -> tuple[Credentials, float]:
    """As `read_credentials`, with a certificate that clients would take now; and until when.

    The time is Unix time, in seconds.
    """
    credentials, context = _checked(files)
    trial = try_server(context, credentials.certificate.decode("ascii", "ignore"))
    if trial.problem:
        raise CertificateError(f"{files.certificate} would be taken by no client: {trial.problem}")
    return credentials, trial.expires_s


def _checked(files: CertificateFiles) -> tuple[Credentials, ssl.SSLContext]:
    credentials = _read(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password, so that a locked key is refused instead of asked about.
        context.load_cert_chain(files.certificate, files.key, password="")
    except (OSError, ValueError) as error:
        raise CertificateError(
            f"{files.certificate} and {files.key} are no PEM certificate and its own unlocked key: "
            f"{_reason(error)}"
        ) from None
    try:
        # Only what stands around certificates may be other than ASCII.
        context.load_verify_locations(cadata=credentials.authorities.decode("ascii", "ignore"))
    except (OSError, ValueError) as error:
        raise CertificateError(
            f"{files.authorities} holds no PEM certificates of authorities: {_reason(error)}"
        ) from None
    # What was checked must be what is used: a file may have been replaced in between.
    if _read(files) != credentials:
        raise CertificateError(f"{files.certificate} and its neighbours are just being replaced")
    return credentials, context


def _read(files: CertificateFiles) -> Credentials:
    return Credentials(
        _content(files.certificate), _content(files.key), _content(files.authorities)
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise CertificateError(f"{path} cannot be read: {reason}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise CertificateError(f"{path} is larger than {_MAX_FILE_BYTES} bytes")
    return content


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _reason(error: OSError | ValueError) -> str:
    return (
        getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    ).lower()
