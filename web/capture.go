package web

import (
	"net/http"

	"github.com/netmond/netmond/report"
)

// Status is what the process says of itself and its capture.
type Status struct {
	Version string         `json:"version"`
	Started *string        `json:"started"`
	Uptime  float64        `json:"uptime_seconds"`
	Sources []SourceStatus `json:"sources"` // none when files are read
	Lost    LostPackets    `json:"lost"`
	Memory  MemoryStatus   `json:"memory"`
}

// SourceStatus is one capture interface.
type SourceStatus struct {
	Interface     string            `json:"interface"`
	Path          string            `json:"path"`
	Reason        string            `json:"reason"` // why that path, for people
	Up            bool              `json:"up"`
	Packets       uint64            `json:"packets"`
	Bytes         uint64            `json:"bytes"`
	KernelPackets uint64            `json:"kernel_packets"`
	Truncated     uint64            `json:"truncated_packets"`
	Downs         uint64            `json:"downs"`
	Reopens       uint64            `json:"reopens"`
	LastPollAge   float64           `json:"last_poll_age_seconds"`
	RingBytes     uint64            `json:"ring_bytes"`
	Workers       int               `json:"workers"`
	Lost          map[string]uint64 `json:"lost"`             // packets, by cause
	Kernel        *KernelStatus     `json:"kernel,omitempty"` // when programs in the kernel count
}

// KernelStatus is the state of the programs that count an interface's frames in the kernel. Reasons are those
// of the metrics netmond_bpf_*.
type KernelStatus struct {
	Mode         string                   `json:"mode"`
	Attached     bool                     `json:"attached"` // else a packet socket stands in
	Reattaches   map[string]uint64        `json:"reattaches"`
	Fallbacks    uint64                   `json:"fallbacks"`
	Flows        int                      `json:"flows"`
	MaxFlows     int                      `json:"max_flows"`
	SampleRate   int                      `json:"sample_rate"` // one flow in so many is tracked; 0 none
	MapFull      report.Counts            `json:"map_full"`
	Unsampled    report.Counts            `json:"unsampled"`
	Handed       map[string]report.Counts `json:"handed"`
	Refused      map[string]report.Counts `json:"refused"`
	PayloadsLost uint64                   `json:"payloads_lost"`
	MemoryBytes  uint64                   `json:"memory_bytes"`
}

// LostPackets are packets that are missing from a figure: those of the causes ring and nic from all, undecoded
// ones from the networks, untracked ones from the flows.
type LostPackets struct {
	Packets uint64            `json:"packets"`
	ByCause map[string]uint64 `json:"by_cause"`
}

// MemoryStatus is in bytes; Budget is 0 when there is none.
type MemoryStatus struct {
	Budget   int64 `json:"budget"`
	Resident int64 `json:"resident"`
}

type captureJSON struct {
	Status
	Capture          report.Capture           `json:"capture"`
	Scopes           report.Scopes            `json:"scopes"`
	UndecodedReasons map[string]report.Counts `json:"undecoded_reasons"`
	Table            tableJSON                `json:"table"`
	History          *historyStatusJSON       `json:"history"`
}

type tableJSON struct {
	Entries     int           `json:"entries"`
	Capacity    int           `json:"capacity"`
	MemoryBytes uint64        `json:"memory_bytes"`
	Untracked   report.Counts `json:"untracked"`
	Ended       report.Ended  `json:"ended"`
}

type historyStatusJSON struct {
	Series      int    `json:"series"`
	Refused     uint64 `json:"series_refused"`
	MemoryBytes int64  `json:"memory_bytes"`
	MaxMemory   int64  `json:"max_memory"`
	DiskBytes   int64  `json:"disk_bytes"`
	MaxDisk     int64  `json:"max_disk"`
	Shortened   uint64 `json:"chunks_shortened"`
	Failing     bool   `json:"failing"`
	LastError   string `json:"last_error"`
}

// capture answers how the capture is doing.
func (s *Server) capture(w http.ResponseWriter, r *http.Request) {
	if p := paramsOf(r); p.badRequest(w) {
		return
	}
	snap := s.deps.Snapshot()
	sums := report.New(snap, nil).Sums()
	answer := captureJSON{
		Status: s.deps.Status(), Capture: sums.Capture, Scopes: sums.Scopes, UndecodedReasons: sums.UndecodedReasons,
		Table: tableJSON{
			Entries: snap.Table.Entries, Capacity: snap.Table.Capacity, MemoryBytes: snap.Table.MemoryBytes,
			Untracked: sums.Flows.Untracked, Ended: sums.Flows.Ended,
		},
	}
	if answer.Sources == nil {
		answer.Sources = []SourceStatus{}
	}
	if answer.Lost.ByCause == nil {
		answer.Lost.ByCause = map[string]uint64{}
	}
	if s.deps.History != nil {
		h := s.deps.History.Stats()
		answer.History = &historyStatusJSON{
			Series: h.Series, Refused: h.SeriesRefused, MemoryBytes: h.MemoryBytes, MaxMemory: h.MaxMemory, DiskBytes: h.DiskBytes,
			MaxDisk: h.MaxDisk, Shortened: h.Shortened, Failing: h.Failing, LastError: h.LastError,
		}
	}
	s.writeJSON(w, r, answer)
}

// config answers the configuration as loaded.
func (s *Server) config(w http.ResponseWriter, r *http.Request) {
	if p := paramsOf(r); p.badRequest(w) {
		return
	}
	s.writeJSON(w, r, s.deps.Config())
}
