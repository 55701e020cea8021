"""What a run needs of the hub, of this machine and of local servers, against what is there. Looked at before anything is loaded or paid.

Each check takes how it looks (``gpus``, ``host_memory``, the hub) as an argument, and yields its problems by model.
"""
