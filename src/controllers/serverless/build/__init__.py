"""What a function is made of; pure."""
