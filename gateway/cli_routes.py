"""`paygate routes`: where payments would go, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line, print_table
from gateway.settings import load_settings
from psp.money import Money
from psp.port import PaymentMethod

if TYPE_CHECKING:
    from gateway.domain.routing import RouteDecision, RouteQuery, RoutingTable

routes_app = typer.Typer(help="Look at the routing.", rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration file, instead of PAYGATE_CONFIG_FILE."),
]


@routes_app.callback()
def _group() -> None:
    """Look at the routing."""


@routes_app.command()
def explain(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code, such as FR.")],
    method: Annotated[PaymentMethod, typer.Option(help="How the shopper pays.")],
    customer: Annotated[str, typer.Option(help="The shopper; none for a guest.")] = "",
    order: Annotated[str, typer.Option(help="The order.")] = "",
    amount: Annotated[
        int | None, typer.Option(help="In minor units: 1999 is 19.99 EUR. Needs --currency.")
    ] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217 code. Needs --amount.")] = "",
    config: ConfigOption = None,
    json_output: JsonFlag = False,
) -> int:
    """Say where a payment would go, with every rule that was looked at; exit code 1 if nowhere."""
    from gateway.domain.route_rules import explain as explained  # noqa: PLC0415 - --help does without
    from gateway.domain.routing import RouteQuery  # noqa: PLC0415 - as above
    from gateway.routing.configuration import load_configuration  # noqa: PLC0415 - as above

    query = RouteQuery(country.upper(), method, _money(amount, currency), customer, order)
    settings = load_settings() if config is None else load_settings(config_file=config)
    table = load_configuration(settings.config_file).table
    decision = explained(table, query)
    if json_output:
        print_json(_document(table, decision))
    else:
        _print(table, query, decision)
    return NEGATIVE if decision.account is None else 0


def _money(amount: int | None, currency: str) -> Money | None:
    if amount is None and not currency:
        return None
    if amount is None or not currency:
        raise typer.BadParameter("--amount and --currency go together: give both or neither")
    try:
        return Money(amount, currency.upper())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _document(table: RoutingTable, decision: RouteDecision) -> dict[str, object]:
    return {
        "psp_account": decision.account,
        "refusals": list(decision.refusals),
        "steps": [
            {"rule": step.rule, "passed": step.passed, "explanation": step.explanation}
            for step in decision.steps
        ],
        "config_digest": table.digest,
    }


def _print(table: RoutingTable, query: RouteQuery, decision: RouteDecision) -> None:
    rows = [
        (step.rule, "passed" if step.passed else "refused", step.explanation)
        for step in decision.steps
    ]
    print_table(("rule", "result", "why"), rows)
    asked = f"{query.country_code} {query.method}"
    if decision.account is None:
        print_line(f"{asked}: no route ({', '.join(decision.refusals)})")
    else:
        psp = table.accounts[decision.account].psp
        print_line(f"{asked}: {decision.account} ({psp}), by configuration {table.digest}")
