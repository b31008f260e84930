//go:build !linux

package engine

import (
	"os"
	"os/exec"
	"time"
)

func workerProgram() (string, error) { return os.Executable() }

func setAttributes(*exec.Cmd) {}

type processMemory struct{ resident, data int64 }

func readMemory(int) (processMemory, bool) { return processMemory{}, false }

func limitData(int, int64) {}

func limitTime(int, time.Duration) {}
