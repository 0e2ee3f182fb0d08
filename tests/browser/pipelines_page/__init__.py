"""The pipelines page in a real browser, on a lab in memory."""
