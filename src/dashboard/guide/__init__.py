"""The guide beside the work: a seat's names and addresses, and whether a part of it is done."""
