"""What a change is: damage, or a rival that does the same to the spots."""
