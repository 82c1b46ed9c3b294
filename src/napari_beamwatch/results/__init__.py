"""What an analysis tells: tables by the columns that are documented, and the result."""
