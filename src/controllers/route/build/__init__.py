"""The router's rules, made from Routes; pure."""
