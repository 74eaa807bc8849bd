"""The conformance suite, played over every PSP there is and a third one of the tests."""
