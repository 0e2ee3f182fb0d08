"""The lab's certificate authority and what it signs."""
