"""Notebook widgets as they are used: in JupyterLab and Notebook 7 in a browser, and by messages to a kernel."""
