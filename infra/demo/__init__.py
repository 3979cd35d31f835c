"""A web shop that does not exist, and its logs: something to look at before one's own events arrive.

    python -m infra.demo --url http://127.0.0.1:8000 [--rate 20] [--seed 7] [--history 2h] [--count N]

with an ingest key in SCRY_KEY. Eight services (gateway, auth, search, inventory, checkout, payments, mailer, worker)
log the requests of some two thousand users, each request under one trace id through all services that it touches.
`--rate` is the mean of ordinary traffic in events a second over a whole day; evenings (UTC) are busy, nights are quiet.

Three incidents are planted. They come back every two hours, at these times after each even hour UTC:

    00:18:00  payments is deployed, and so is recorded
    00:19:00  its provider answers slowly (warnings)
    00:20:00  to 00:24:00  the provider times out: warnings, then errors in payments and checkout, 504 at the gateway
    00:23:30  payments crashes once
    00:24:00  the deploy is rolled back, which is recorded too; the next checkouts succeed
    00:55:00  to 01:01:00  the inventory's database is slow: warnings, some lock timeouts, 503 at the gateway
    01:30:00  to 01:33:00  the worker retries a catalogue sync twice a second, 360 times, and gives up with an error

The stream is a pure function of seed, rate and time. Whoever starts it again, or twice, sends the same batches for the
same moments, byte by byte, and the server stores them once.
"""
