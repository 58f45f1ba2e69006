"""The one suite that every driver passes; `suite` puts it together, `ground` is what a driver's test file gives it."""
