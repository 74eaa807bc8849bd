"""Stripe behind the PSP port: one module a capability, `provider.StripeProvider` joins them.

Money paths: `payments` (with `payment_params` and `payment_reading`), `customers`, `aliases`,
`events`. Beneath them: `client` sends and repeats, `problems` names what went wrong, `errors`
says it in the port's words, `transport` moves the bytes.
"""
