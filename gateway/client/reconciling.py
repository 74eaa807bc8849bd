"""Reconciling over the contract: what commands do with a client, without knowing its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.client.blocking import PaygateClient
from gateway.client.reconciliations import country_report, progress_words, run_report
from gateway.reconciliation.documents.values import CountryReport, RunReport
from paygate.v1.reconciliation_service_pb2 import (
    DISCREPANCY_STATE_OPEN,
    CountryDaySelector,
    GetReconciliationRequest,
    ListDiscrepanciesRequest,
    Reconciliation,
    RunReconciliationRequest,
)
from paygate.v1.routing_service_pb2 import GetCountryPolicyRequest

Progress = Callable[[str, int, int], None]
"""Told what a run is doing, how many lines it read, and how many it matched."""


def accounts_of_country(client: PaygateClient, country_code: str) -> list[str]:
    """Return the PSP accounts that a country's policy names today, canaries' as well."""
    policy = client.get_country_policy(GetCountryPolicyRequest(country_code=country_code)).policy
    named = [
        account
        for method in policy.methods
        for account in (method.psp_account, method.canary.psp_account)
        if account
    ]
    return list(dict.fromkeys(named))


def reconcile_account(
    client: PaygateClient, account: str, first_day: str, last_day: str, progress: Progress
) -> RunReport:
    """Run to the end, or to where the run waits, and return what is open at the account."""
    request = RunReconciliationRequest(psp_account=account, first_day=first_day, last_day=last_day)
    run = Reconciliation()
    for step in client.run_reconciliation(request):
        if step.HasField("reconciliation"):
            run = step.reconciliation
        else:
            told = step.progress
            progress(progress_words(told), told.lines_read, told.lines_matched)
    wanted = ListDiscrepanciesRequest(
        psp_account=account, state=DISCREPANCY_STATE_OPEN, page_size=500
    )
    return run_report(run, client.iter_discrepancies(wanted))


def read_country(
    client: PaygateClient, country_code: str, day: str, accounts: Sequence[str]
) -> CountryReport:
    """Return both books of a country's day."""
    selector = CountryDaySelector(country_code=country_code, day=day, psp_accounts=accounts)
    answer = client.get_reconciliation(GetReconciliationRequest(country_day=selector))
    return country_report(answer.country_day)
