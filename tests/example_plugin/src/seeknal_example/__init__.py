"""An example of a plugin for seeknal: the audit `matches` and the node kind `union`."""
