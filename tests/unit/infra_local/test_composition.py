"""The containers of each checkout are a project of their own."""

import re
from pathlib import Path

import pytest
from infra_local.composition import project_of


def test_two_checkouts_of_one_name_have_different_projects() -> None:
    assert project_of(Path("/home/ann/ticketing")) != project_of(Path("/home/ann/old/ticketing"))


@pytest.mark.parametrize("folder", ["ticketing", "Ticketing (2)", "_ticketing", "Билеты", "-"])
def test_whatever_a_checkout_is_called_its_project_has_a_name_that_docker_compose_takes(folder: str) -> None:
    assert re.fullmatch("[a-z0-9]+-[0-9a-f]{8}", project_of(Path("/home/ann") / folder))
