"""Tests of the Ogone adapter over HTTP, against a scripted server and the sandbox."""
