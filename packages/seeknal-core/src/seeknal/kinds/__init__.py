"""The built-in node kinds, registered through the same hook as anyone's."""
