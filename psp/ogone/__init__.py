"""Ogone behind the PSP port: one module a capability, `provider.OgoneProvider` joins them.

Money paths: `payment_page` (card entry at Ogone), `payments` (create, retrieve, find),
`maintenance` (capture, cancel), `refunds`, `events`. Beneath them: `history` reads what became of
an order, `operations` what each step of it moved, `payment_reading` and `refund_reading` say it in
the port's words with `statuses` and `failures`; `client` sends, signs with `signing` and bounds in
time, `errors` names what went wrong, `answers` reads the XML, `transport` moves the bytes.

Books: `settlements` streams the `download`, `download_rows` takes it apart as it comes, and
`settlement_reading` says each row in the port's words with `settlement_statuses`.
"""
