"""The containers of each checkout are a separate project of Docker Compose."""

import re
from pathlib import Path

import pytest
from infra_local.composition import project_of


def test_two_checkouts_with_the_same_folder_name_have_different_projects() -> None:
    assert project_of(Path("/home/ann/ticketing")) != project_of(Path("/home/ann/old/ticketing"))


@pytest.mark.parametrize("folder", ["ticketing", "Ticketing (2)", "_ticketing", "Билеты", "-"])
def test_every_folder_name_gives_a_valid_project_name(folder: str) -> None:
    assert re.fullmatch("[a-z0-9]+-[0-9a-f]{8}", project_of(Path("/home/ann") / folder))
