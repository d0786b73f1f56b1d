"""What Sphinx is taught for the site of docs/, and what checks the site; `tools/docs` runs both.

The pages are plain Markdown that reads well on GitHub too. What would be noise there is added to a
page's text when the site is built: the navigation (`navigation.py`), the options of each command
(`commands.py`) and the signatures and docstrings of Python names (`names.py`).
"""
