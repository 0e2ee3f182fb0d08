"""The controller of Route, and the router's configuration made from all of them."""
