package alerts

// A Severity is ntopng's; it follows from the score.
type Severity int8

// The severities.
const (
	SeverityNone Severity = iota
	SeverityDebug
	SeverityInfo
	SeverityNotice
	SeverityWarning
	SeverityError
	SeverityCritical
	SeverityAlert
	SeverityEmergency

	NumSeverities
)

// MaxScore is the highest score of an alert.
const MaxScore = 250

// String is the severity's name.
func (s Severity) String() string {
	switch s {
	case SeverityNone:
		return "none"
	case SeverityDebug:
		return "debug"
	case SeverityInfo:
		return "info"
	case SeverityNotice:
		return "notice"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	case SeverityCritical:
		return "critical"
	case SeverityAlert:
		return "alert"
	case SeverityEmergency:
		return "emergency"
	}
	return "unknown"
}

// Score is the score that an alert of severity s gets when its script gives none.
func (s Severity) Score() int {
	switch s {
	case SeverityInfo:
		return 1
	case SeverityNotice:
		return 10
	case SeverityWarning:
		return 50
	case SeverityError:
		return 100
	case SeverityCritical:
		return 200
	case SeverityAlert, SeverityEmergency:
		return MaxScore
	}
	return 0
}

// SeverityOf is the severity of a score.
func SeverityOf(score int) Severity {
	switch {
	case score < 1:
		return SeverityNone
	case score < 10:
		return SeverityInfo
	case score < 50:
		return SeverityNotice
	case score < 100:
		return SeverityWarning
	case score < 200:
		return SeverityError
	case score < 250:
		return SeverityCritical
	}
	return SeverityEmergency
}

// ParseSeverity reads a severity's name.
func ParseSeverity(name string) (Severity, bool) {
	for s := range NumSeverities {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}
