"""The authority, what it signs, and the objects that carry it."""
