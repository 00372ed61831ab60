"""The policy that learns: what to poll next, from what polls have shown.

`policy.Learned` puts the pieces together, `stream.Stream` holds them for the requests of one API:

trials     what polls have shown of how long requests last, by pairs of ages
bins       the ages of all tables
survival   how long requests last: a hazard table learned from interval-censored answers
checks     when to poll by age, planned ahead, and what a poll has to be worth
value      what a poll is worth by the hazard of the moment
frontier   how far the remote queue has come, where it works in the order of submission
lineup     who is worth comparing: a few heads of many unfinished requests
selector   which of the views (order, age, turn) asks next: by what the polls of each find
sweep      the part of the polls in order that looks far ahead of the frontier
quota      the part of the polls that goes to whoever was not asked for longest
probes     polls of requests picked at random, which tell without bias what nobody has noticed yet
ration     a part of the polls for a purpose: what it found, and when it is its turn
load       how much there is to do: arrivals and finishes a second
pacer      spreads the calls that the budget allows
"""
