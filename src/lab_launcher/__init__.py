"""What the launcher was asked: words, variables and environment, checked before anything happens.

`options` knows what may be said, `words` reads it in any order, `variables` looks at what `-e`
sets, `environment` at what the shell brings, `catalogue` finds what this checkout has. Python's own
library is enough for all of it, so that it runs before there is an environment; where PyYAML is
there, values are compared with the types that the roles declare.
"""
