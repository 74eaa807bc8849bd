"""Real X.509 certificates, made in the test: an authority, and what it signs.

ECDSA over P-256 and just enough DER. It is neither fast nor safe against listeners: the keys open
nothing.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from gateway.identity.certificates import CertificateFiles

# FIPS 186-4, D.1.2.3.
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_SIZE: Final = 32
_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
_EC_KEY: Final = "1.2.840.10045.2.1"
_P256: Final = "1.2.840.10045.3.1.7"
_COMMON_NAME: Final = "2.5.4.3"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_ALTERNATIVE_NAME: Final = "2.5.29.17"

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate says its holder is called."""

    common_name: str = "holder"
    uris: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ("127.0.0.1",)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a certificate is valid, from now on."""

    begins: timedelta = timedelta(hours=-2)
    ends: timedelta = timedelta(hours=2)


EXPIRED: Final = Lifetime(ends=timedelta(hours=-1))
NOT_YET: Final = Lifetime(begins=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; believed by who has its own."""

    name: str = "authority"
    secret: int = field(default_factory=lambda: 1 + secrets.randbelow(_N - 1))

    @property
    def certificate(self) -> str:
        """Its own certificate, in PEM."""
        return self._signed(Names(self.name, addresses=()), self.secret, Lifetime(), is_ca=True)

    def issue(self, names: Names, lifetime: Lifetime = Lifetime()) -> Pair:
        """Return a new pair for a holder of these names."""
        secret = 1 + secrets.randbelow(_N - 1)
        return Pair(self._signed(names, secret, lifetime, is_ca=False), _key_pem(secret))

    def _signed(self, names: Names, secret: int, lifetime: Lifetime, *, is_ca: bool) -> str:
        algorithm = _sequence(_oid(_ECDSA_SHA256))
        now = datetime.now(UTC)
        constraints = _sequence(_tlv(0x01, b"\xff")) if is_ca else _sequence()
        extensions = [_extension(_BASIC_CONSTRAINTS, constraints)]
        if any((names.uris, names.dns, names.addresses)):
            extensions.append(_extension(_ALTERNATIVE_NAME, _alternative_names(names)))
        body = _sequence(
            _tlv(0xA0, _integer(2)),  # version 3
            _integer(secrets.randbits(120)),
            algorithm,
            _name(self.name),
            _sequence(_time(now + lifetime.begins), _time(now + lifetime.ends)),
            _name(names.common_name),
            _public_key(secret),
            _tlv(0xA3, _sequence(*extensions)),
        )
        return _pem("CERTIFICATE", _sequence(body, algorithm, _bits(_sign(self.secret, body))))


def write_files(folder: Path, pair: Pair, believed: str) -> CertificateFiles:
    """Write a pair and the authorities it believes, each by a rename; the same names every time."""
    files = CertificateFiles(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    texts = {files.certificate: pair.certificate, files.key: pair.key, files.authorities: believed}
    for path, text in texts.items():
        new = path.with_suffix(".new")
        new.write_text(text, encoding="ascii")
        new.replace(path)
    return files


def _add(left: Point | None, right: Point | None) -> Point | None:
    """Add two points of the curve; None is the point at infinity."""
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) % _P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P) % _P
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _times_base(factor: int) -> Point:
    total: Point | None = None
    step: Point | None = _G
    while factor:
        if factor & 1:
            total = _add(total, step)
        step = _add(step, step)
        factor >>= 1
    assert total is not None
    return total


def _sign(secret: int, message: bytes) -> bytes:
    digest = int.from_bytes(sha256(message).digest(), "big")
    once = 1 + secrets.randbelow(_N - 1)
    r = _times_base(once)[0] % _N
    s = pow(once, -1, _N) * (digest + r * secret) % _N
    return _sequence(_integer(r), _integer(s))


def _point_bytes(secret: int) -> bytes:
    x, y = _times_base(secret)
    return b"\x04" + x.to_bytes(_SIZE, "big") + y.to_bytes(_SIZE, "big")


def _public_key(secret: int) -> bytes:
    return _sequence(_sequence(_oid(_EC_KEY), _oid(_P256)), _bits(_point_bytes(secret)))


def _key_pem(secret: int) -> str:
    """Write a key as RFC 5915 does."""
    number = _tlv(0x04, secret.to_bytes(_SIZE, "big"))
    curve, public = _tlv(0xA0, _oid(_P256)), _tlv(0xA1, _bits(_point_bytes(secret)))
    return _pem("EC PRIVATE KEY", _sequence(_integer(1), number, curve, public))


def _alternative_names(names: Names) -> bytes:
    return _sequence(
        *(_tlv(0x82, name.encode()) for name in names.dns),
        *(_tlv(0x86, uri.encode()) for uri in names.uris),
        *(_tlv(0x87, ip_address(address).packed) for address in names.addresses),
    )


def _name(common_name: str) -> bytes:
    part = _sequence(_oid(_COMMON_NAME), _tlv(0x0C, common_name.encode()))
    return _sequence(_tlv(0x31, part))


def _extension(oid: str, value: bytes) -> bytes:
    return _sequence(_oid(oid), _tlv(0x01, b"\xff"), _tlv(0x04, value))


def _time(moment: datetime) -> bytes:
    return _tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    content = bytes([40 * first + second])
    for part in rest:
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(0x80 | part & 0x7F)
        content += bytes(reversed(groups))
    return _tlv(0x06, content)


def _integer(number: int) -> bytes:
    return _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tlv(0x03, b"\x00" + content)


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _pem(kind: str, content: bytes) -> str:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""))
