"""Put the proxy beside the pages of a Flask program (needs Flask).

Usage: python in_flask.py ADDRESS [PORT]

The gateway's pages name each other from the root (/cgi-bin/..., /smgw/...), and its redirects and Digest logins do
so too. So the proxy must be at the root, and Flask below a name that no gateway has: here /house. The other way
round, with the proxy below a prefix, the first link in the browser would lead out of it.
"""

from __future__ import annotations

import sys
from secrets import token_hex

from flask import Flask, redirect, session, url_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from smgwproxy import Gateway, ReverseProxy, open_truststore


def house(gateway: Gateway) -> Flask:
    """Make your own program; its routes are told without the /house that stands before them."""
    app = Flask("house")
    app.config.update(
        SECRET_KEY=token_hex(),  # another one at each start
        # Flask's cookie would be called as PPC's, and be sent to the gateway: another name, and only below /house.
        SESSION_COOKIE_NAME="house",
        SESSION_COOKIE_PATH="/house",
    )

    @app.get("/")
    def overview() -> str:
        pin, *_ = gateway.ensure_pinned()
        here = "" if "name" not in session else f"<p>Hello, {session['name']}.</p>"
        return f'<h1>My house</h1>{here}<p><a href="/">The gateway</a> with SHA-256 {pin.fingerprint}</p>'

    @app.get("/i-am/<any(Anna, Bert):name>")
    def i_am(name: str) -> Response:
        session["name"] = name
        return redirect(url_for("overview"))

    return app


def main(target: str, port: int = 8080) -> None:
    """Serve until Ctrl-C, on loopback: who may come in from the LAN is for smgwproxy.server to say, or for you.

    Werkzeug's server is one for trying things out; any other with threads will do, in one process, so that one
    connection to the gateway at a time stays one.
    """
    with Gateway(target, open_truststore("file:./certs")) as gateway:
        application = DispatcherMiddleware(ReverseProxy(gateway), {"/house": house(gateway)})
        server = make_server("127.0.0.1", port, application, threaded=True)
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
