"""A shopper's HTTP client: fills in the sandbox's pages until it is sent back to the shop."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

_EXPIRY: Final = "12/30"
_CVC: Final = "123"


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the shopper ended up."""

    url: str
    """The merchant's address with its feedback; empty if the last page was the sandbox's."""
    status: int
    html: str = field(default="", repr=False)
    """The sandbox's page, if it was the last: what was mistyped, declined or refused."""

    @property
    def parameters(self) -> dict[str, str]:
        """The feedback in the address."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


class _Form(HTMLParser):
    """Finds where a page's form goes."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.action = dict(attrs).get("action")


async def pay_on_page(  # noqa: PLR0913 - what a shopper decides
    session: aiohttp.ClientSession,
    url: str,
    fields: Mapping[str, str],
    *,
    card: str,
    expiry: str = _EXPIRY,
    cvc: str = _CVC,
    holder: str = "A Shopper",
    decision: str = "pay",
    bank: str = "confirm",
) -> Landing:
    """Post the shop's form, then pay or cancel, and confirm or refuse if the bank asks.

    An empty `card` pays with the alias of the order. Does not follow the way back to the shop.
    """
    page = await _sent(session, url, fields)
    action = _action(page.html)
    if action is None:
        return page
    typed = {"cardno": card, "expiry": expiry, "cvc": cvc, "cn": holder, "decision": decision}
    return await _answered(session, await _sent(session, action, typed), action, bank)


async def answer_bank(
    session: aiohttp.ClientSession, html_answer: str, *, bank: str = "confirm"
) -> Landing:
    """Render base64 HTML_ANSWER as a browser would, then confirm or refuse.

    Raises `ValueError` if it leads nowhere.
    """
    action = _action(base64.b64decode(html_answer).decode())
    if action is None:
        raise ValueError("HTML_ANSWER holds no form")
    await _sent(session, action, {})
    return await _sent(session, action, {"decision": bank})


async def _answered(
    session: aiohttp.ClientSession, landing: Landing, asked: str, bank: str
) -> Landing:
    """Answer the bank, if that is where the shopper was sent."""
    if urlsplit(landing.url)[:2] != urlsplit(asked)[:2] or "/acs/" not in landing.url:
        return landing
    async with session.get(landing.url) as response:
        action = _action(await response.text()) or landing.url
    return await _sent(session, action, {"decision": bank})


async def _sent(session: aiohttp.ClientSession, url: str, form: Mapping[str, str]) -> Landing:
    async with session.post(url, data=dict(form), allow_redirects=False) as response:
        if response.status == HTTPStatus.SEE_OTHER:
            return Landing(urljoin(url, response.headers["Location"]), response.status)
        return Landing("", response.status, await response.text())


def _action(html: str) -> str | None:
    form = _Form()
    form.feed(html)
    return form.action
