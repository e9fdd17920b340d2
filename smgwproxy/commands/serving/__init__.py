"""What a running proxy is made of.

- `parts`: from a `Config` to all that runs, and from there to that of another `Config`.
- `door`: what is listened at, and for whom.
- `signals`: what the person or the system wants; `heartbeat`: what the supervisor is told; `tally`: what there is
  to tell.
- `announcing`: what the log says when all runs.
"""
