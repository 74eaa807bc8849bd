"""The smallest PSP that can be sold with: what docs/adding-a-psp.md walks through.

It speaks JSON under a bearer key, knows payments by our ids (so that creating one again is
harmless), sends shoppers to its page, captures in whole, and signs its webhooks. It has no
customers, aliases, reviews, partial captures or idempotency keys.
"""
