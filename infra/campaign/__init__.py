"""The fault campaign: the running product is used, broken on purpose in every way, and asked what it still knows.

    clients (threads) -- HTTP --> product -- HTTP --> way -- HTTP --> engine
                                  killed,             loses,          killed
                                  deployed,           throttles,
                                  clocks go wrong     refuses, hangs
    jobs (processes of their own): twice at once, killed, late, with a new dictionary

After each round everything is healed and the promises are checked from outside, through the API: what was acknowledged
is there once, what was rejected is not, nobody sees what is another tenant's, and counting says what listing says.
"""
