"""Webhook signatures as Stripe makes them."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256


def signature_header(body: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """Return `t=...,v1=...`, one v1 for each secret (Stripe, webhooks: verify manually)."""
    signed = b"%d." % timestamp + body
    signatures = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])
