"""What the panel is made of: the answer, sections, tables and controls."""
