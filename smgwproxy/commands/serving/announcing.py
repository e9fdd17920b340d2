"""What the log says when all runs: where to, reachable where, with which certificates."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from smgwproxy import __version__, machine
from smgwproxy.certificate import Certificate
from smgwproxy.commands.serving.door import Listener
from smgwproxy.config import OPTIONS, Config, Option, Program
from smgwproxy.truststores.base import utc_now

if TYPE_CHECKING:
    from smgwproxy.client_certificate import ClientCertificate


def announce(
    config: Config,
    listeners: Sequence[Listener],
    shown: Certificate | None,
    client_certificate: ClientCertificate | None,
    logger: logging.Logger,
) -> None:
    """Tell what runs: ``shown`` is the certificate of HTTPS, if there is HTTPS."""
    logger.info("smgwproxy %s forwards to https://%s/", __version__, config.target)
    for listener in listeners:
        for address in _reachable_at(config.listen):
            logger.info("reachable at %s://%s:%d/", listener.scheme, address, listener.port)
    if shown is not None:
        from smgwproxy.own_certificate import ending  # noqa: PLC0415  # only where there is HTTPS

        logger.info("HTTPS shows the certificate with SHA-256 %s", shown.fingerprint)
        if end := ending(shown, utc_now()):
            logger.warning("the certificate of HTTPS %s: renew it, or see smgwproxy certificate --help", end)
    if client_certificate is not None:
        _announce_client_certificate(client_certificate, logger)


def changes(before: Program, after: Program) -> str:
    """Name the options that have changed, and where there are several gateways whose they are; empty for none."""
    if not before.named and not after.named:
        return _changed(before.process, after.process, OPTIONS)
    of_the_process = (option for option in OPTIONS if option.whose == "process")
    told = (_changed(before.process, after.process, of_the_process), *_changed_gateways(before, after))
    return "; ".join(one for one in told if one)


def _changed_gateways(before: Program, after: Program) -> Iterator[str]:
    former = {config.table: config for config in before.gateways}
    for config in after.gateways:
        one = former.pop(config.table, None)
        if one is None:
            yield f"{config.name} is new"
        elif changed := _changed(one, config, (option for option in OPTIONS if option.whose == "gateway")):
            yield f"{config.name}: {changed}"
    yield from (f"{config.name} is gone" for config in former.values())


def _changed(before: Config, after: Config, options: Iterable[Option]) -> str:
    return ", ".join(
        option.name for option in options if getattr(before, option.attribute) != getattr(after, option.attribute)
    )


def _announce_client_certificate(client_certificate: ClientCertificate, logger: logging.Logger) -> None:
    from smgwproxy.own_certificate import ending  # noqa: PLC0415  # only where there is such a certificate

    certificate = client_certificate.certificate
    told = certificate.description
    logger.info(
        "the gateway is shown the client certificate with SHA-256 %s, %s, ends %s",
        certificate.fingerprint,
        told.subject or "subject unreadable",
        told.not_after or "unreadable",
    )
    if end := ending(certificate, utc_now()):
        logger.warning("the client certificate %s: ask who issued it for a new one", end)


def _reachable_at(listen: str | None) -> Sequence[str]:
    """Return the address listened at, or this machine's IPv4 addresses when it is all of them."""
    if listen is not None:
        return (f"[{listen}]" if ":" in listen else listen,)
    return [str(address) for address in machine.ipv4_addresses()]
