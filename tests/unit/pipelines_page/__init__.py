"""Tests of the pipelines page that need no server and no cluster."""
