"""The watch at the microscope in the window: a form that begins it, a dock that tells."""
