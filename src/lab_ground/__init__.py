"""The ground floor: what every room stands on and nothing that belongs to one of them."""
