"""What an ImageStream's tags lead to."""
