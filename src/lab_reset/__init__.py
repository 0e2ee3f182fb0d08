"""Bringing a seat of the lab back to a step: what to remove, in which order, and the proof."""
