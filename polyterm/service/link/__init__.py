"""The link between an engine and its consoles: messages, client and server side."""
