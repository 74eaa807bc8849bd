"""The pages that a shopper sees. Everything that came from outside is escaped."""

from __future__ import annotations

from html import escape
from typing import Final

from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.model import Alias
from psp.ogone.sandbox.refusals import Refusal

_LAYOUT: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} (sandbox)</title>
<style>body {{ font-family: sans-serif; max-width: 32em; margin: 2em auto; padding: 0 1em }}
label, button {{ display: block; margin: .8em 0 }} .problem {{ color: #a00 }}</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""

_PAYMENT: Final = """<p>Order <b>{order_id}</b> of <b>{pspid}</b>: <b>{amount} {currency}</b></p>
{problem}<form method="post" action="{action}">
{alias}<label>Card number <input name="cardno" inputmode="numeric" autocomplete="cc-number"></label>
<label>Name on the card <input name="cn" maxlength="35" value="{holder}" autocomplete="cc-name">
</label>
<label>Expiry, MM/YY <input name="expiry" size="5" autocomplete="cc-exp"></label>
<label>Security code <input name="cvc" size="4" inputmode="numeric" autocomplete="cc-csc"></label>
<button name="decision" value="pay">Pay</button>
<button name="decision" value="cancel">Cancel</button>
</form>
<p>A sandbox: only its test cards pay here. Do not enter a real one.</p>"""

_AUTHENTICATION: Final = """<p>Is it you who pays <b>{amount} {currency}</b> for order
<b>{order_id}</b>?</p>
<form method="post" action="{action}">
<button name="decision" value="confirm">Confirm</button>
<button name="decision" value="refuse">Refuse</button>
</form>"""

_TO_BANK: Final = """<form name="downloadform3D" method="post" action="{action}">
<noscript><button>Go on to your bank</button></noscript>
</form>
<script>document.forms.downloadform3D.submit();</script>
"""


def payment_page(  # noqa: PLR0913 - what the page shows
    *,
    order_id: str,
    pspid: str,
    amount: int,
    currency: str,
    action: str,
    holder: str = "",
    alias: Alias | None = None,
    problem: str = "",
) -> str:
    """Return the form a shopper pays on."""
    known = ""
    if alias is not None:
        known = (
            f"<p>Leave number, name and expiry empty to pay with your "
            f"<b>{escape(alias.card.behaviour.brand)} {escape(alias.card.masked)}</b>.</p>\n"
        )
    content = _PAYMENT.format(
        order_id=escape(order_id),
        pspid=escape(pspid),
        amount=as_decimal(amount),
        currency=escape(currency),
        action=escape(action),
        holder=escape(holder),
        alias=known,
        problem=f'<p class="problem">{escape(problem)}</p>\n' if problem else "",
    )
    return _LAYOUT.format(title="Payment", content=content)


def authentication_page(order_id: str, amount: int, currency: str, action: str) -> str:
    """Return the bank's question."""
    content = _AUTHENTICATION.format(
        order_id=escape(order_id),
        amount=as_decimal(amount),
        currency=escape(currency),
        action=escape(action),
    )
    return _LAYOUT.format(title="Your bank asks", content=content)


def to_bank(action: str) -> str:
    """Return the fragment that takes a browser on to the bank: HTML_ANSWER before base64."""
    return _TO_BANK.format(action=escape(action))


def refusal_page(refusal: Refusal) -> str:
    """Return what a shopper sees of a form that was refused."""
    content = (
        f"<p>The merchant's order cannot be paid.</p>\n"
        f'<p class="problem">{escape(refusal.ncerror)}: {escape(refusal.ncerrorplus)}</p>'
    )
    return _LAYOUT.format(title="An error occurred", content=content)


def plain_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _LAYOUT.format(title=escape(title), content=f"<p>{escape(text)}</p>")
