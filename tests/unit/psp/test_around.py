"""The port, spelled out once."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar, cast

import pytest

from psp.around import ProviderAround
from psp.port import PaymentServiceProvider
from tests.support.fake_psp import FakePsp

T = TypeVar("T")
_MEMBERS: Final = {
    name: member
    for name, member in vars(PaymentServiceProvider).items()
    if not name.startswith("_")
}
_METHODS: Final = {name: member for name, member in _MEMBERS.items() if callable(member)}
_NOT_AROUND: Final = {"parse_event", "close"}


class _Echo:
    """Any method of the port: keeps what it hears, and answers with its own name."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        def told(*arguments: object, **named: object) -> str:
            bound = inspect.signature(_METHODS[name]).bind(self, *arguments, **named)
            self.heard.append((name, *bound.args[1:]))
            return name

        async def answer(*arguments: object, **named: object) -> str:
            return told(*arguments, **named)

        async def stream(*arguments: object, **named: object) -> AsyncIterator[str]:
            yield told(*arguments, **named)

        if inspect.iscoroutinefunction(_METHODS[name]):
            return answer
        return stream if _streams(name) else told


class _Noted(ProviderAround):
    """Notes what is around which call."""

    def __init__(self, inner: PaymentServiceProvider) -> None:
        super().__init__(inner)
        self.notes: list[str] = []

    async def _call(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        self.notes.append(f"call {operation}")
        return await call()

    async def _stream(
        self, operation: str, begin: Callable[[], AsyncIterator[T]]
    ) -> AsyncIterator[T]:
        self.notes.append(f"stream {operation}")
        async for each in begin():
            yield each


class _Refusing(ProviderAround):
    """Lets nothing begin."""

    async def _call(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        raise PermissionError(operation)

    def _stream(self, operation: str, begin: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        raise PermissionError(operation)


def _returns(name: str) -> str:
    return str(inspect.signature(_METHODS[name]).return_annotation)


def _streams(name: str) -> bool:
    return _returns(name).startswith("AsyncIterator")


def _arguments(name: str) -> tuple[str, ...]:
    """Return one argument for each parameter, told apart by the parameter's name."""
    _, *parameters = inspect.signature(_METHODS[name]).parameters
    return tuple(f"the {parameter}" for parameter in parameters)


async def _outcome(provider: ProviderAround, name: str) -> object:
    # The values need not be what the port says: nobody looks at them on their way through.
    returned = cast("Any", getattr(provider, name))(*_arguments(name))
    if inspect.isawaitable(returned):
        return await returned
    if _streams(name):
        (only,) = [each async for each in returned]
        return cast("object", only)
    return cast("object", returned)


def test_no_member_of_the_port_is_left_out() -> None:
    """Each is spelled out in the base, and a method with the port's own signature."""
    spelled = vars(ProviderAround)

    assert _MEMBERS.keys() == {name for name in spelled if not name.startswith("_")}
    assert {name: inspect.signature(member) for name, member in _METHODS.items()} == {
        name: inspect.signature(spelled[name]) for name in _METHODS
    }


def test_what_the_adapter_is_shows_through() -> None:
    """Whatever the port tells without a call."""
    psp = FakePsp(account="stripe_fr", capabilities=frozenset(), idempotency_lifetime_s=60.0)
    provider = _Noted(psp)

    properties = _MEMBERS.keys() - _METHODS.keys()
    assert {name: getattr(psp, name) for name in properties} == {
        name: getattr(provider, name) for name in properties
    }


@pytest.mark.parametrize("name", sorted(_METHODS.keys() - {"close"}))
async def test_a_call_is_passed_on_as_it_came(name: str) -> None:
    """The same method hears the same arguments, with its own name around it."""
    echo = _Echo()
    provider = _Noted(cast("PaymentServiceProvider", echo))
    kind = "stream" if _streams(name) else "call"

    answer = await _outcome(provider, name)

    assert (None if _returns(name) == "None" else name) == answer
    assert [(name, *_arguments(name))] == echo.heard
    assert ([] if name in _NOT_AROUND else [f"{kind} {name}"]) == provider.notes


@pytest.mark.parametrize("name", sorted(_METHODS.keys() - _NOT_AROUND))
async def test_a_refused_call_never_began(name: str) -> None:
    """The PSP hears nothing, and no coroutine is left that nobody awaits."""
    psp = FakePsp()

    with pytest.raises(PermissionError, match=name):
        await _outcome(_Refusing(psp), name)

    assert psp.calls == []


async def test_closing_it_closes_the_adapter() -> None:
    """With nothing around it: it calls nobody."""
    psp = FakePsp()
    provider = _Noted(psp)

    await provider.close()

    assert (psp.is_closed, provider.notes) == (True, [])
