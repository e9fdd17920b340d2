"""The elliptic curves that gateways may use (BSI TR-03116-3), and which points lie on them; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve y² = x³ + ax + b over the integers modulo the prime p.

    ``name`` is the one that `cryptography` has for it; ``identifier`` has the octets of its object identifier.
    """

    name: str
    identifier: bytes
    p: int
    a: int
    b: int

    @property
    def octets(self) -> int:
        """How many octets a coordinate takes (SEC 1 section 2.3.5)."""
        return (self.p.bit_length() + 7) // 8

    def has(self, x: int, y: int) -> bool:
        """Tell whether the point lies on the curve; both coordinates must be below p (SEC 1 section 3.2.2.1)."""
        if not (0 <= x < self.p and 0 <= y < self.p):
            return False
        return (y * y - x * x * x - self.a * x - self.b) % self.p == 0


def _curve(name: str, identifier: str, *numbers: str) -> Curve:
    p, a, b = (int(number, 16) for number in numbers)
    return Curve(name, bytes.fromhex(identifier), p, a, b)


CURVES = (
    _curve(  # NIST SP 800-186 section 3.2.1.3
        "secp256r1",
        "2a8648ce3d030107",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "-3",
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    ),
    _curve(  # NIST SP 800-186 section 3.2.1.4
        "secp384r1",
        "2b81040022",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        "-3",
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    ),
    _curve(  # RFC 5639 section 3.4
        "brainpoolP256r1",
        "2b2403030208010107",
        "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
        "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
        "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
    ),
    _curve(  # RFC 5639 section 3.6
        "brainpoolP384r1",
        "2b240303020801010b",
        "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
        "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
        "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
    ),
    _curve(  # RFC 5639 section 3.7
        "brainpoolP512r1",
        "2b240303020801010d",
        "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330871"
        "7d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
        "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc"
        "2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
        "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a7"
        "2bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
    ),
)
