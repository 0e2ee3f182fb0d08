"""The pipelines page in a real browser, on the services of a lab in a file."""
