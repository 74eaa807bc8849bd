"""`paygate demo`: the main job, played end to end over the wire; each step keeps a promise."""

from gateway.demo.playing import main

__all__ = ["main"]
