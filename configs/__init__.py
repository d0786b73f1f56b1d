"""The configurations that come with ila_jax: each file has one `get_config()`.

They are installed as `ila_jax.configs`. The sections that they fill in are defined in
`ila_jax.config`.
"""
