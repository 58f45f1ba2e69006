"""Constraints: rules that the values of keys must satisfy, checked before they are written."""
