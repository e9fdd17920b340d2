"""``smgwproxy doctor``: checks one by one what must be right between the home network and the meter.

- `finding`: what a check found; `examination`: the checks in their order.
- pure ones: `way` (interfaces and routes), `handshake` (the bytes of TLS), `digest` (the login), `vendors` (whose
  gateway it is, and the addresses to enter), `trust` (the certificate against the pins), `answers` (what the
  gateway said), `clock`, `door` (the ports on the LAN side).
- what asks: `visit` (the gateway), `through` (a running proxy), both as `exchange` has it; `readings` (the meter);
  `processes` (what runs on this machine) and `directories`.
"""
