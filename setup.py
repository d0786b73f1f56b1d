"""What is installed: the package, with the repository's configs/ inside it as ila_jax.configs."""

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup


def page(readme: str) -> str:
    """README.md as PyPI shows it: without pictures and links to files, which it does not have."""
    relative = r"\((?!\w+:|#)[^)\s]+\)"
    without_pictures = re.sub(rf"!\[[^\]]*\]{relative}\n*", "", readme)
    return re.sub(rf"\[([^\]]*)\]{relative}", r"\1", without_pictures)


PACKAGES = find_packages(include=["ila_jax", "ila_jax.*"])
CONFIGS = ["ila_jax.configs", *(f"ila_jax.configs.{name}" for name in find_packages("configs"))]

# A link to a clone (pip install -e) names the clone's folder in a .pth file, where a mapped folder
# would need an import hook. Python asks a hook last: where the clone lies in the working directory,
# which it does after `git clone`, its folder ila_jax would be taken for the package.
IS_LINK = "editable_wheel" in sys.argv

setup(
    packages=PACKAGES if IS_LINK else PACKAGES + CONFIGS,
    package_dir={"": "."} if IS_LINK else {"ila_jax.configs": "configs"},
    long_description=page(Path(__file__).with_name("README.md").read_text("utf-8")),
    long_description_content_type="text/markdown",
)
