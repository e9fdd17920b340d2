"""The certificate that the proxy shows its own clients over HTTPS: made and kept by it, or given to it.

- `alternatives`: whom a certificate is valid for; `making`: a self-signed one; `facts`: what to tell of one. Pure.
- `keeping`: the one in ``--statedir``: made once, replaced only when a person says so.
- `loading`: from files to a TLS context.
- `following`: the TLS context of the files as they are now.
"""

from __future__ import annotations

from smgwproxy.own_certificate.facts import ending
from smgwproxy.own_certificate.following import ServerIdentity
from smgwproxy.own_certificate.keeping import ensure, find, replace
from smgwproxy.own_certificate.loading import Files, Loaded, load

__all__ = ["Files", "Loaded", "ServerIdentity", "ending", "ensure", "find", "load", "replace"]
