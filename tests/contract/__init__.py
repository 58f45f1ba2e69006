"""The contract that every driver passes: `suite` combines its classes, `fixtures` has what a driver's tests override.

Tests ported from libkv and its successor valkeyrie name the original in their docstring, with an id: a letter for the
group (C common, A atomic, W watch, L lock, T time to live) and the number of the test in it.
"""
