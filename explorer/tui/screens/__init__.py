"""The screens: browse, edit, review, conflict and help."""
