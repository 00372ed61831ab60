"""What the lines of the logs look like."""

PATTERN = r"RequestID=(?P<request_id>[0-9a-f-]{36})\b"


def line(request_id: str) -> str:
    return f"POST /leads RequestID={request_id} {'x' * 60}\n"


# As a program writes it at the beginning of each of its files: the same every time, and longer than 1,024 bytes.
BANNER = "".join(f"# application 4.2, setting {number} = {'y' * 40}\n" for number in range(20))
