"""The states that the pages show, in upstream's words, from objects alone."""
