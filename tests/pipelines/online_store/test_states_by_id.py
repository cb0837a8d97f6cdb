"""States keep their places while more come."""

from pipelines.fraud.features.device_state import DEVICE_STATE
from pipelines.online_store.states_by_id import StatesById


def test_an_id_keeps_its_number_and_its_state_when_others_come() -> None:
    devices = StatesById(DEVICE_STATE)
    assert devices.numbers(["a", "b", "a"]).tolist() == [0, 1, 0]
    devices.states["first_s"][1] = 7
    for n in range(100):
        assert devices.numbers([f"d{n}", "b"]).tolist() == [n + 2, 1]
    assert devices.ids[:3] == ["a", "b", "d0"]
    assert (len(devices.states), devices.states["first_s"].sum()) == (102, 14)
    assert devices.numbers([]).tolist() == []
