"""The desktop: panel and docks. Nothing here is worked out, only asked for and shown."""
