"""One pass over one run; ``one_pass`` says in which order its parts come."""
