package localnets

import "time"

// Config sets the bounds of a Registry.
type Config struct {
	// MaxHosts bounds the hosts that are told apart over all networks. Default 1,048,576. At the
	// bound a new host is not counted, and the refusal is.
	MaxHosts int
	// HostIdleTimeout is the capture time after which a host not seen leaves the count; 0 keeps
	// hosts for good (capture files). Default 0.
	HostIdleTimeout time.Duration
	// MaxMatrixCells bounds the pairs of networks in the matrix; traffic of further pairs goes to
	// Snapshot.MatrixOther. Default 65,536.
	MaxMatrixCells int
	// AppNames gives the name of each Delta.App.
	AppNames []string
}
