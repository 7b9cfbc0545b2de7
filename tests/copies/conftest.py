import pytest
from acted import act, speak


@pytest.fixture(scope="session")
def voices():
    return [speak(seed) for seed in range(3)]


@pytest.fixture(scope="session")
def scenes():
    return [act(seed) for seed in range(3)]
