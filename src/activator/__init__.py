"""The activator: every request to a function passes here, and waits here for a pod."""
