"""The project's own checks: linters, types, test suites and their page."""
