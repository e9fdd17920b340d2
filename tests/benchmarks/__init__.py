"""What the proxy costs, measured beside others on one machine; no tests, since no figure is a promise.

``python -m tests.benchmarks`` runs all and prints tables; name some to run only these.
"""
