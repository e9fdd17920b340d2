"""What a running proxy is made of.

- `running`: from a `Program` to all gateways that run, and from there to those of another `Program`.
- `parts`: all that runs for one of them; `behind`: its gateway's side; `door`: what is listened at, and for whom;
  `tally`: what it has done.
- `signals`: what the person or the system wants; `heartbeat`: what the supervisor is told.
- `handles`: how many sockets and files all of it may have.
- `status`: what is told at the status port.
- `announcing`: what the log says when all runs.
"""
