"""What model servers are made of; pure."""
