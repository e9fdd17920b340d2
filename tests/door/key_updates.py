"""A TLS 1.3 client that sends key updates and no data, which Python's ssl cannot: OpenSSL itself is asked."""

from __future__ import annotations

import ctypes
import ctypes.util
import socket

import pytest

from tests.support import PATIENCE

MOST = 200_000


def flood(port: int) -> int:
    """Send key updates until the other side ends the connection; return how many, `MOST` when it does not."""
    library = ctypes.util.find_library("ssl")
    openssl = ctypes.CDLL(library) if library else None
    if not hasattr(openssl, "SSL_key_update"):
        pytest.skip("there is no OpenSSL library with TLS 1.3")
    assert openssl is not None
    for function in (openssl.TLS_client_method, openssl.SSL_CTX_new, openssl.SSL_new):
        function.restype = ctypes.c_void_p
    context = ctypes.c_void_p(openssl.SSL_CTX_new(ctypes.c_void_p(openssl.TLS_client_method())))
    tls = ctypes.c_void_p(openssl.SSL_new(context))
    try:
        # Blocking for OpenSSL, and yet not for ever.
        with socket.create_connection(("127.0.0.1", port)) as client:
            timeout = int(PATIENCE).to_bytes(8, "little") + bytes(8)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
            openssl.SSL_set_fd(tls, client.fileno())
            assert openssl.SSL_connect(tls) == 1
            for number in range(MOST):
                if openssl.SSL_key_update(tls, 0) != 1 or openssl.SSL_do_handshake(tls) != 1:
                    return number
            return MOST
    finally:
        openssl.SSL_free(tls)
        openssl.SSL_CTX_free(context)
