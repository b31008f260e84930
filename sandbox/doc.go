// Package sandbox takes away what a process no longer needs: capabilities, the way back to them, files
// (Landlock) and system calls (seccomp).
//
// There are two kinds of process. The daemon calls [Enter] once its sockets are open; it works on all
// threads of the running process. A worker that runs scripts is confined further, on one thread that
// then executes the program again, so that every thread of the new image is confined: [Worker] and
// [FilterWorker]. A worker starts inside the daemon's sandbox, and each limit only adds to it.
//
// All of it is one-way: a process cannot get back what it gave up.
package sandbox
