"""Read the meter behind an EMH CASA gateway through pinned TLS, without running a server (needs httpx).

Usage: python read_meter.py ADDRESS USER PASSWORD
"""

import sys

import httpx

from smgwproxy import Gateway, ReverseProxy, open_truststore

address, user, password = sys.argv[1:]
meters = "http://gateway/json/metering/origin/"
with Gateway(address, truststore=open_truststore("file:./certs")) as gateway:
    app = httpx.WSGITransport(ReverseProxy(gateway))
    with httpx.Client(transport=app, auth=httpx.DigestAuth(user, password)) as client:
        for meter in client.get(meters).raise_for_status().json():
            print(meter, client.get(f"{meters}{meter}/extended").json())
