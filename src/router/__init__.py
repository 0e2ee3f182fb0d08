"""The router: Traefik, and the rules it follows."""
