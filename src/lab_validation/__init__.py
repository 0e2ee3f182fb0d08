"""Validation of a provisioned lab: steps, results, evidence, history and the report for people."""
