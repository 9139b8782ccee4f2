import time


def handler(event, context):
    """Uses a processor for twenty milliseconds."""
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
