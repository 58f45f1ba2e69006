"""The screens: browsing, editing, and the questions that are asked before something happens."""
