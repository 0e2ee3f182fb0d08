"""What runs inside a step's container: ``launcher.py``, which needs nothing but Python."""
