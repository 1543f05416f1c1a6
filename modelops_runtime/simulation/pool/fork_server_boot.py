"""Started as a script by an executor: takes over its module search path, then becomes the fork server."""

import pickle
import socket
import struct
import sys


def main() -> None:
    """The first message on the socket: its length, then the pickled (search path, hello)."""
    control = socket.socket(fileno=int(sys.argv[1]))
    (size,) = struct.unpack("<I", control.recv(4, socket.MSG_WAITALL))
    path, hello = pickle.loads(control.recv(size, socket.MSG_WAITALL))
    sys.path[:] = path
    sys.argv[:] = ["modelops-simulation"]

    from modelops_runtime.simulation.pool.fork_server import ForkServer

    ForkServer(control, pickle.loads(hello)).run()


if __name__ == "__main__":
    main()
