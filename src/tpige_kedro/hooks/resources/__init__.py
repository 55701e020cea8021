"""What a run needs from the hub, this machine and local servers, compared with what is available. Checked before anything is loaded or paid.

Each check takes how it looks (``gpus``, ``host_memory``, the hub) as an argument, and yields its problems by model.
"""
