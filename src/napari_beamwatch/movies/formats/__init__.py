"""Readers, a module a format: each makes a `Recording` from a file's header."""
