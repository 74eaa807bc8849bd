"""Tests of the Stripe adapter over HTTP, against a scripted server and the sandbox."""
