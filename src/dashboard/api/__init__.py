"""HTTP: the interface that the README writes down."""
