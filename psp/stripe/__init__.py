"""Stripe behind the PSP port: one module a capability, `provider.StripeProvider` joins them.

Money paths: `payments` (with `payment_params` and `payment_reading`), `refunds` (with
`refund_reading`), `customers`, `aliases`, `reviews`, `events` and `event_list`. The books:
`settlements` chooses between `report_runs` (with `report_reading`, `report_tables` and
`file_reading`) and `balance_list` (with `balance_reading`). Beneath them:
`client` sends and repeats, `problems` names what went wrong, `errors` says it in the port's words,
`transport` moves the bytes.
"""
