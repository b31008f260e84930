package lua

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

var (
	severityNames  = [NumSeverities]string{"none", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
	severityScores = [NumSeverities]int{0, 0, 1, 10, 50, 100, 200, 250, 250}
)

// String is the severity's name.
func (s Severity) String() string {
	if s < 0 || s >= NumSeverities {
		return "unknown"
	}
	return severityNames[s]
}

// Score is the score that an alert of severity s gets when its script gives none.
func (s Severity) Score() int {
	if s < 0 || s >= NumSeverities {
		return 0
	}
	return severityScores[s]
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
