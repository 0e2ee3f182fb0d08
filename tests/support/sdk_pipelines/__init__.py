"""Pipelines written with the SDK: what the server is tried with."""
