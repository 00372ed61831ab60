"""The policy that learns: what to poll next, from what polls have shown.

`policy.Learned` puts the pieces together, `stream.Stream` holds them for the requests of one API:

survival   how long requests last: a hazard table learned from interval-censored answers
frontier   how far the remote queue has come, where it works in the order of submission
value      what a poll is worth, and what it has to be worth
lineup     who is worth comparing: a few heads of many unfinished requests
pacer      spreads the calls that the budget allows
quota      the part of the polls that goes to whoever was not asked for longest
probes     polls of requests picked at random, which tell without bias what nobody has noticed yet
selector   which of the views (order, age, turn) asks next: by what the polls of each find
"""
