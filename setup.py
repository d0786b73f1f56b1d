"""What is installed: the package, with the repository's configs/ inside it as ila_jax.configs."""

import re
from pathlib import Path

from setuptools import find_packages, setup


def page(readme: str) -> str:
    """README.md as PyPI shows it: without pictures and links to files, which it does not have."""
    relative = r"\((?!\w+:|#)[^)\s]+\)"
    without_pictures = re.sub(rf"!\[[^\]]*\]{relative}\n*", "", readme)
    return re.sub(rf"\[([^\]]*)\]{relative}", r"\1", without_pictures)


setup(
    packages=[
        *find_packages(include=["ila_jax", "ila_jax.*"]),
        "ila_jax.configs",
        *(f"ila_jax.configs.{name}" for name in find_packages("configs")),
    ],
    package_dir={"ila_jax.configs": "configs"},
    long_description=page(Path(__file__).with_name("README.md").read_text("utf-8")),
    long_description_content_type="text/markdown",
)
