"""Bytes and what a person can read and edit: schemas, rules that say which key holds what, and documents.

Everything here is plain and blocking: a value that is slow to show is opened in a thread.
"""
