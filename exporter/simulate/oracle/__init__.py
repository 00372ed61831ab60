"""What could be reached by who knows the workload: a bound for the policies that don't.

hazard     the true distribution of durations, in pieces of constant hazard
durations  a policy that knows it: for requests that do not wait for each other
order      a policy that knows in which order the requests are worked on: for queues
candidates which of these a trace gives reason to try
"""
