"""Pure builders of what the forms make, a file for each kind of thing."""
