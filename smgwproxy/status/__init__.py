"""What a running proxy tells of itself: health, metrics, and a page for people.

- `ledger`: what became of one gateway's requests, with `histogram`, `course` (the last hours) and `labels`.
- `kept`: what the trust store said when it was last looked at; `watched`: both together, under the gateway's name.
- `site`: the WSGI callable, which answers out of these alone and asks nobody. `metrics` is for Prometheus; `page`,
  with `chart`, `style` and `wording`, for people.

Nothing here does I/O but `kept`.
"""
