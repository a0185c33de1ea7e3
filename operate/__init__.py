"""What a person or a server runs: the half of the loop that decides and operates."""
