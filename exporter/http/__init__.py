"""Both ends of HTTP/1.1: connections to others and from others, over a parser that is not ours."""
