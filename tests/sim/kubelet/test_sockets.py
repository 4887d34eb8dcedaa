"""gRPC over Unix sockets in folders deeper than a socket's path may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet.messages import REGISTRATION
from sovereign_ai.sim.kubelet.sockets import Method, RpcError, Services, calling, reason, refuse, serve

INFO = "/pluginregistration.Registration/GetInfo"


def services(call: Any) -> Services:
    return {"pluginregistration.Registration": {"GetInfo": Method(call, REGISTRATION["InfoRequest"])}}


def greet(_request: Any, _context: Any) -> Any:
    return REGISTRATION["PluginInfo"](name="gpu.nvidia.com")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / ("a-folder-deeper-than-a-socket-may-lie-" * 3)
    folder.mkdir()
    return folder / "s.sock"


def test_a_call_is_answered_also_where_an_earlier_socket_was_left(path: Path) -> None:
    path.write_text("left behind")
    served = serve((path,), services(greet))
    try:
        with calling(path) as call:
            answer = call(INFO, REGISTRATION["InfoRequest"](), REGISTRATION["PluginInfo"])
        assert answer.name == "gpu.nvidia.com"
    finally:
        served.stop()
    assert not path.exists()
    assert served.descriptors == []


def test_a_refused_call_has_its_reason(path: Path) -> None:
    served = serve((path,), services(lambda _request, context: refuse(context, "held by claim uid-1")))
    try:
        with calling(path) as call, pytest.raises(RpcError) as error:
            call(INFO, REGISTRATION["InfoRequest"](), REGISTRATION["PluginInfo"])
        assert reason(error.value) == "held by claim uid-1"
    finally:
        served.stop()


def test_a_call_to_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"), calling(tmp_path / "absent" / "s.sock"):
        pass


def test_a_socket_that_cannot_be_made_takes_the_others_with_it(path: Path) -> None:
    too_long = path.with_name("s" * 120)
    with pytest.raises(EnvironmentLacksError) as error:
        serve((path, too_long), services(greet))
    assert error.value.problems[0].code == "socket-unusable"
    assert not path.exists()
