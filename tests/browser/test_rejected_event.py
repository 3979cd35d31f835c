"""A first event that cannot be stored: the page that waits for it says why."""

import subprocess


def test_an_event_that_cannot_be_stored_is_told_on_the_waiting_page(somebody):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    command = alice.copies("Run this anywhere").replace('"message": "hello from here"', '"timestamp": 1000000000000')
    subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30)
    alice.reads("Something arrived, and could not be stored")
