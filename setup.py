"""What is installed: the package, with the repository's configs/ inside it as ila_jax.configs."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["ila_jax", "ila_jax.*"]),
        "ila_jax.configs",
        *(f"ila_jax.configs.{name}" for name in find_packages("configs")),
    ],
    package_dir={"ila_jax.configs": "configs"},
)
