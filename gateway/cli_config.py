"""`paygate config`: what a configuration file says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_errors import WRONG
from gateway.cli_output import JsonFlag, print_errors, print_json, print_line, print_table
from gateway.settings import Settings, check_lease, load_settings

if TYPE_CHECKING:
    from gateway.domain.routing import MethodRoute
    from gateway.routing.configuration import Configuration
    from gateway.routing.problems import ConfigurationError

config_app = typer.Typer(help="Look at a configuration file.", rich_markup_mode=None)


@config_app.callback()
def _group() -> None:
    """Look at a configuration file."""


@config_app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="The file; PAYGATE_CONFIG_FILE or the default if not given."),
    ] = None,
    json_output: JsonFlag = False,
) -> int:
    """Check a configuration file whole: every problem with its place and its cure."""
    from gateway.routing.configuration import load_configuration  # noqa: PLC0415 - --help does without
    from gateway.routing.problems import ConfigurationError  # noqa: PLC0415 - as above

    settings = load_settings() if file is None else load_settings(config_file=file)
    try:
        configuration = load_configuration(settings.config_file)
    except ConfigurationError as error:
        print_errors(error.lines())
        if json_output:
            print_json(_problems(error))
        return WRONG
    check_lease(settings, configuration.accounts)
    if json_output:
        print_json(_summary(settings, configuration))
    else:
        _print_summary(settings, configuration)
    return 0


def _problems(error: ConfigurationError) -> dict[str, object]:
    return {
        "file": str(error.file),
        "valid": False,
        "problems": [
            {"place": each.place, "problem": each.message, "cure": each.cure}
            for each in error.problems
        ],
    }


def _summary(settings: Settings, configuration: Configuration) -> dict[str, object]:
    table = configuration.table
    return {
        "file": str(settings.config_file),
        "valid": True,
        "config_digest": table.digest,
        "accounts": sorted(table.accounts),
        "countries": sorted(table.countries),
        "callers": {
            name: sorted(methods) for name, methods in sorted(configuration.callers.methods.items())
        },
    }


def _print_summary(settings: Settings, configuration: Configuration) -> None:
    table = configuration.table
    rows = [
        (
            code,
            ", ".join(policy.currencies),
            policy.capture_policy.value,
            each.method.value if each.enabled else f"{each.method} (switched off)",
            _accounts(each),
        )
        for code, policy in sorted(table.countries.items())
        for each in policy.methods
    ]
    print_table(("country", "currencies", "capture", "method", "account"), rows)
    callers = configuration.callers.methods
    if callers:
        print_table(
            ("caller", "may call"),
            [
                (name, method)
                for name, methods in sorted(callers.items())
                for method in sorted(methods)
            ],
        )
    print_line(
        f"{settings.config_file}: valid, with digest {table.digest}; accounts: "
        f"{len(table.accounts)}, countries: {len(table.countries)}, callers: {len(callers)}"
    )


def _accounts(route: MethodRoute) -> str:
    canary = route.canary
    if canary is None:
        return route.account
    return f"{route.account}, canary {canary.account} {canary.percent} %"
