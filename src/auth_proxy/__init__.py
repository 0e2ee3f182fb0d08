"""The token proxy: nginx in front of a server, and the authoriser that answers for it."""
