"""Tests of the simulated gateways: real sockets and TLS, no proxy in between."""
