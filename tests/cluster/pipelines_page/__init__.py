"""The pipelines page on a real server: Route, TLS, sign-in, real pods."""
