"""Finding a gateway of which only the cable is known: who is there, and who of them speaks TLS."""
