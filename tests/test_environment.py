import os
import socket
import threading
import warnings

import jax
import jax.numpy as jnp
import pytest


def test_there_are_eight_devices():
    assert os.environ["XLA_FLAGS"].endswith("--xla_force_host_platform_device_count=8")
    if "ILA_TEST_PLATFORM" not in os.environ:
        assert len(jax.devices()) == 8


def test_broadcasting_to_another_rank_is_an_error():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((2, 3)) + jnp.ones(3)


def test_products_are_in_full_precision():
    assert jax.config.jax_default_matmul_precision == "highest"


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_the_network_is_out_of_reach(connect):
    # 192.0.2.1 is reserved for documentation (RFC 5737): nothing answers there.
    with socket.socket() as client:
        client.settimeout(0.1)
        with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
            getattr(client, connect)(("192.0.2.1", 80))


def test_names_are_not_looked_up():
    with pytest.raises(PermissionError, match="looks up"):
        socket.create_connection(("example.org", 80), timeout=0.1)


def test_this_machine_is_within_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        socket.create_connection(server.getsockname(), timeout=10).close()
        thread.join()


def test_warnings_are_errors():
    with pytest.raises(UserWarning, match="careful"):
        warnings.warn("careful", stacklevel=1)
