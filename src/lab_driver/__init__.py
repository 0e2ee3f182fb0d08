"""Drives a lab from outside, as a learner would: access, browser, pages, kernel, strokes."""
