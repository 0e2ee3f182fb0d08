"""From a form and what is there to a sequence of writes; checks of values on the way."""
