"""The policy that learns: what to poll next, from what polls have shown.

`policy.Learned` puts the pieces together, `stream.Stream` holds them for the requests of one API:

trials     what polls have shown of how long requests last, by pairs of ages
bins       the ages of all tables
survival   how long requests last: a hazard table learned from interval-censored answers
plan       when to poll by age, planned ahead for two dozen prices of a poll
checks     what a poll is worth by that plan
value      what a poll is worth by the hazard of the moment
bids       what a poll is worth at most, so that few need to be valued for a pick
durations  tables, plans and bids of requests by what they are compared with
frontier   how far the remote queue has come, where it works in the order of submission
order      the frontier of a stream, and what a poll is worth by it
roster     what is known of each request
lineup     who is worth comparing: a few heads of many unfinished requests
pool       the requests that can be picked, in all lineups
selector   which of the views (order, age, turn) asks next: by what the polls of each find
sweep      the part of the polls in order that looks far ahead of the frontier
quota      the part of the polls that goes to whoever was not asked for longest
probes     polls of requests picked at random, which tell without bias what nobody has noticed yet
draws      whom probes and looks ahead go to
ration     a part of the polls for a purpose: what it found, and when it is its turn
pick       a decision, and the circumstances of it
load       how much there is to do: arrivals and finishes a second
pacer      spreads the calls that the budget allows
"""
