package lua

import (
	"fmt"
	"math"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// formatUtilsModule turns numbers into text for people.
func (v *VM) formatUtilsModule() glua.LValue {
	scaled := func(step float64, units []string) glua.LGFunction {
		return func(l *glua.LState) int {
			l.Push(glua.LString(scale(argNumber(l, 1), step, units)))
			return 1
		}
	}
	return v.library(map[string]glua.LGFunction{
		"round": func(l *glua.LState) int {
			unit := math.Pow(10, float64(max(min(optInt(l, 2, 0), 15), -15)))
			l.Push(glua.LNumber(math.Floor(argNumber(l, 1)*unit+0.5) / unit))
			return 1
		},
		"bytesToSize":   scaled(1024, []string{"Bytes", "KB", "MB", "GB", "TB", "PB"}),
		"bitsToSize":    scaled(1000, []string{"bps", "Kbps", "Mbps", "Gbps", "Tbps", "Pbps"}),
		"pktsToSize":    scaled(1000, []string{"pps", "Kpps", "Mpps", "Gpps", "Tpps", "Ppps"}),
		"formatPackets": func(l *glua.LState) int { return pushText(l, group(argNumber(l, 1))+" Pkts") },
		"formatValue":   func(l *glua.LState) int { return pushText(l, group(argNumber(l, 1))) },
		"secondsToTime": func(l *glua.LState) int { return pushText(l, duration(argNumber(l, 1))) },
		"formatEpoch": func(l *glua.LState) int {
			t := v.clock()
			if l.Get(1) != glua.LNil {
				t = time.Unix(int64(max(min(argNumber(l, 1), 1<<40), 0)), 0)
			}
			return pushText(l, t.Local().Format("02/01/2006 15:04:05"))
		},
	})
}

func pushText(l *glua.LState, s string) int {
	l.Push(glua.LString(s))
	return 1
}

// scale is n with the largest unit that leaves at least 1.
func scale(n, step float64, units []string) string {
	i := 0
	for math.Abs(n) >= step && i < len(units)-1 {
		n /= step
		i++
	}
	if i == 0 {
		return formatNumber(math.Round(n*100)/100) + " " + units[0]
	}
	return fmt.Sprintf("%.2f %s", n, units[i])
}

// group is n rounded, with a comma before each three digits.
func group(n float64) string {
	if math.IsNaN(n) || math.Abs(n) >= 1<<63 {
		return formatNumber(n)
	}
	digits := fmt.Sprintf("%d", int64(math.Abs(math.Round(n))))
	var b strings.Builder
	if n <= -0.5 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// duration is seconds as days, hours, minutes and seconds.
func duration(n float64) string {
	if math.IsNaN(n) || n < 0 || n > 1<<53 {
		return formatNumber(n) + " sec"
	}
	s := int64(n)
	if s < 60 {
		return fmt.Sprintf("%d sec", s)
	}
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if s < 3600 {
		text = fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	switch days := s / 86400; days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	default:
		return fmt.Sprintf("%d days, %s", days, text)
	}
}
