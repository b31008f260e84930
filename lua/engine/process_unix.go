//go:build unix

package engine

import (
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// connFD is the worker's end of the socket pair.
const connFD = 3

// connect gives cmd one end of a socket pair as descriptor 3. started is to be called after the start.
func connect(cmd *exec.Cmd) (conn io.ReadWriteCloser, started func(), err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, err
	}
	theirs := os.NewFile(uintptr(fds[1]), "worker")
	cmd.ExtraFiles = []*os.File{theirs}
	setAttributes(cmd)
	return os.NewFile(uintptr(fds[0]), "daemon"), func() { theirs.Close() }, nil
}

// workerConn is the connection to the daemon.
func workerConn() (io.ReadWriter, error) {
	if err := unix.SetNonblock(connFD, true); err != nil {
		return nil, err
	}
	unix.CloseOnExec(connFD)
	return os.NewFile(connFD, "daemon"), nil
}
