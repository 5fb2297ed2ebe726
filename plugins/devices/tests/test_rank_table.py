"""HCCL rank tables: their published form, and what is said of broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bertrun_devices.launch.hccn import device_numbers, given_addresses, read_hccn_conf
from bertrun_devices.launch.rank_table import RankTable, merged, problems_of, read_rank_table, table_of
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError, UsageError

# The form of MindSpore's tutorial (2.6, parallel/rank_table.md) and of CANN's guide to HCCL, for two servers.
PUBLISHED = """{
    "version": "1.0",
    "server_count": "2",
    "server_list": [
        {
            "server_id": "10.155.111.140",
            "device": [
                {
                    "device_id": "0",
                    "device_ip": "192.1.27.6",
                    "rank_id": "0"
                },
                {
                    "device_id": "1",
                    "device_ip": "192.2.27.6",
                    "rank_id": "1"
                }
            ],
            "host_nic_ip": "reserve"
        },
        {
            "server_id": "10.155.111.141",
            "device": [
                {
                    "device_id": "4",
                    "device_ip": "192.1.27.8",
                    "rank_id": "2"
                },
                {
                    "device_id": "5",
                    "device_ip": "192.2.27.8",
                    "rank_id": "3"
                }
            ],
            "host_nic_ip": "reserve"
        }
    ],
    "status": "completed"
}
"""


def two_servers() -> RankTable:
    first = table_of("10.155.111.140", {1: "192.2.27.6", 0: "192.1.27.6"})
    return merged([first, table_of("10.155.111.141", {4: "192.1.27.8", 5: "192.2.27.8"})])


def test_the_file_has_the_published_form(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(two_servers().as_json())
    assert path.read_text() == PUBLISHED
    assert read_rank_table(path) == two_servers()


def test_the_names_of_files_are_the_usual_ones() -> None:
    assert two_servers().file_name == "hccl_2s_4p.json"
    assert table_of("10.0.0.1", {4: "1.1.1.1", 5: "1.1.1.2"}).file_name == "hccl_2p_45_10.0.0.1.json"


@given(st.lists(st.sets(st.integers(0, 15), min_size=1), min_size=1, max_size=5))
def test_merged_ranks_have_no_gap(servers: list[set[int]]) -> None:
    tables = [
        table_of(f"10.0.0.{place}", {number: f"1.1.{place}.{number}" for number in numbers})
        for place, numbers in enumerate(servers)
    ]
    table = merged(tables)
    found = [device.rank for server in table.servers for device in server.devices]
    assert found == list(range(sum(map(len, servers))))
    assert list(problems_of(table)) == []


def _device(value: Any, server: int, place: int) -> Any:
    return value["server_list"][server]["device"][place]


BREAKS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda v: _device(v, 1, 1).update(rank_id="2"), "rank 2 stands twice"),
    (lambda v: _device(v, 1, 1).update(rank_id="7"), "the ranks 0 to 3, but rank 3 is missing and there is rank 7"),
    (lambda v: _device(v, 0, 1).update(device_id="0"), "server 10.155.111.140 has device 0 twice"),
    (lambda v: _device(v, 1, 0).update(device_ip="192.1.27.6"), "the address 192.1.27.6 belongs to two devices"),
    (lambda v: _device(v, 1, 0).update(device_ip="1.2.3"), "'1.2.3' of rank 2 is no IP address"),
    (
        lambda v: _device(v, 1, 0).update(rank_id="two"),
        r"rank_id is 'two', not a number in server_list\[1\].device\[0\]",
    ),
    (lambda v: _device(v, 1, 0).pop("device_id"), r"device_id is missing in server_list\[1\].device\[0\]"),
    (lambda v: v.update(server_count="3"), "server_count is '3', but there are 2 servers"),
    (lambda v: v.update(version="1.2"), "its version is '1.2'"),
    (lambda v: v.update(status="initializing"), "its status is 'initializing'"),
    (lambda v: v["server_list"][1].update(server_id="10.155.111.140"), "server 10.155.111.140 stands twice"),
    (lambda v: v["server_list"][1].update(device=[]), "server 10.155.111.141 has no device"),
    (lambda v: v["server_list"][1].pop("device"), r"server_list\[1\] has no list of devices"),
    (lambda v: v.pop("server_list"), "no JSON object with a server_list"),
    (lambda v: v.update(server_list=[], server_count="0"), "it has no server"),
]


@pytest.mark.parametrize(("break_it", "what"), BREAKS)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, break_it: Callable[[Any], Any], what: str) -> None:
    value = json.loads(PUBLISHED)
    break_it(value)
    path = tmp_path / "t.json"
    path.write_text(json.dumps(value))
    with pytest.raises(DataError, match=what):
        read_rank_table(path)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(PUBLISHED.replace('"server_count": "2"', '"server_count": "1"').replace('"3"', '"0"'))
    with pytest.raises(DataError, match=r"server_count is '1'.*rank 0 stands twice"):
        read_rank_table(path)
    path.write_text("{")
    with pytest.raises(DataError, match="the file is not JSON"):
        read_rank_table(path)


def test_hccn_conf_gives_addresses(tmp_path: Path) -> None:
    path = tmp_path / "hccn.conf"
    path.write_text(
        "address_0=192.98.92.107\nnetmask_0=255.255.255.0\naddress_10 = 192.98.93.107\n#address_1=1.1.1.1\n"
    )
    assert read_hccn_conf(path) == {0: "192.98.92.107", 10: "192.98.93.107"}
    path.write_text("address_0=1.1.1.1\naddress_0=1.1.1.2\n")
    with pytest.raises(DataError, match=r"hccn.conf:2: device 0 has two addresses: 1.1.1.1 and 1.1.1.2"):
        read_hccn_conf(path)
    path.write_text("")
    with pytest.raises(DataError, match="no line says address_N=IP"):
        read_hccn_conf(path)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-3", [0, 1, 2, 3]),
        ("0,2", [0, 2]),
        ("[0,8)", list(range(8))),
        ("[0, 4)", [0, 1, 2, 3]),
        ("8-9,12", [8, 9, 12]),
    ],
)
def test_devices_are_named_in_the_ways_of_the_reference_too(text: str, numbers: list[int]) -> None:
    assert device_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "0,0", "3-1", "[4,4)", "0-3,2"])
def test_what_names_no_devices_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--devices"):
        device_numbers(text)


@pytest.mark.parametrize("texts", [["0"], ["x=1.1.1.1"], ["0="], ["0=1.1.1.1", "0=1.1.1.2"]])
def test_what_gives_no_address_is_said(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="--address"):
        given_addresses(texts)
