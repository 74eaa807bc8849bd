"""How the certificate in use stands, as whoever measures is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.identity.certificates import CertificateFiles, RotatingCredentials
from tests.support.certificates import EXPIRED, Authority, Lifetime, Names, write_files

_AUTHORITY = Authority()
_WEEK = timedelta(days=7)


def _write(folder: Path, ends: timedelta = _WEEK) -> CertificateFiles:
    pair = _AUTHORITY.issue(Names(), Lifetime(ends=ends))
    return write_files(folder, pair, _AUTHORITY.certificate)


def test_it_tells_when_it_expires(tmp_path: Path) -> None:
    """In Unix time, to the second."""
    before = datetime.now(UTC) + _WEEK
    files = _write(tmp_path)
    after = datetime.now(UTC) + _WEEK

    standing = RotatingCredentials(files).standing()

    assert int(before.timestamp()) <= standing.expires_s <= after.timestamp()
    assert (standing.file, standing.refused) == (str(files.certificate), False)


def test_a_new_one_is_seen_without_a_handshake_and_used_by_the_next(tmp_path: Path) -> None:
    """Who looks for the measurement takes nothing away from gRPC."""
    certificates = RotatingCredentials(_write(tmp_path))
    first = certificates.standing()
    _write(tmp_path, ends=2 * _WEEK)

    second = certificates.standing()

    assert second.expires_s - first.expires_s >= _WEEK.total_seconds()
    assert certificates.changed() is certificates.current
    assert certificates.changed() is None


@pytest.mark.parametrize("broken", ["rubbish", "expired"])
def test_refused_files_show_until_they_are_mended(tmp_path: Path, broken: str) -> None:
    """The old certificate stays in use, and goes on to its end."""
    files = _write(tmp_path)
    certificates = RotatingCredentials(files)
    first = certificates.standing()
    if broken == "expired":
        write_files(tmp_path, _AUTHORITY.issue(Names(), EXPIRED), _AUTHORITY.certificate)
    else:
        files.certificate.write_text("rubbish of a rotation")

    for _ in range(2):
        refused = certificates.standing()
        assert (refused.refused, refused.expires_s) == (True, first.expires_s)
    assert certificates.changed() is None

    _write(tmp_path)
    assert not certificates.standing().refused
