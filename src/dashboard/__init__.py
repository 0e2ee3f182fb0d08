"""The dashboard: its back end, which acts as the learner who looks at it."""
