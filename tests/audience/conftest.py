import pytest

from .people import make_population


@pytest.fixture
def people(club):
    return make_population(club)
