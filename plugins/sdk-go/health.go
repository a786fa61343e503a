package capstan

import "time"

// A HealthCheck assesses objects of the kinds that plugin.toml claims.
type HealthCheck interface {
	// Assess assesses one object.
	Assess(input HealthInput) (Assessment, error)
}

// A HealthStatus is one of the six words of Argo CD.
type HealthStatus string

// The statuses.
const (
	StatusHealthy     HealthStatus = "healthy"
	StatusProgressing HealthStatus = "progressing"
	StatusDegraded    HealthStatus = "degraded"
	StatusSuspended   HealthStatus = "suspended"
	StatusMissing     HealthStatus = "missing"
	StatusUnknown     HealthStatus = "unknown"
)

// An Assessment is the health of one object.
type Assessment struct {
	Status HealthStatus
	// Rule is the name of the rule that decided: Queue/backlog. `capstan explain` shows it.
	Rule string
	// Message is one sentence without the object's name.
	Message string
	// Final says that waiting can't help: no change of this status is to be expected.
	Final bool
	// RecheckAfter asks to be called again after so long. Needed by every answer that depends on Now.
	RecheckAfter time.Duration
	// Need lists related objects that the plugin must see to say more: owned-pods, events, storage-class. The claim's `related` must list
	// them.
	Need []string
	// Details is JSON for tools.
	Details any
}

// Healthy says that the object does what it is for.
func Healthy(rule string) Assessment { return Assessment{Status: StatusHealthy, Rule: rule} }

// Progressing says that the object is on its way; the message says what is missing.
func Progressing(rule, message string) Assessment {
	return Assessment{Status: StatusProgressing, Rule: rule, Message: message}
}

// Degraded says that the object failed, or will not become healthy as it is.
func Degraded(rule, message string) Assessment {
	return Assessment{Status: StatusDegraded, Rule: rule, Message: message}
}

// Suspended says that the object waits for somebody.
func Suspended(rule, message string) Assessment {
	return Assessment{Status: StatusSuspended, Rule: rule, Message: message}
}

// Missing says that the object doesn't exist.
func Missing(rule, message string) Assessment {
	return Assessment{Status: StatusMissing, Rule: rule, Message: message}
}

// Unknown says that the status can't be determined: neither healthy nor failed.
func Unknown(rule, message string) Assessment {
	return Assessment{Status: StatusUnknown, Rule: rule, Message: message}
}

// Finally says that waiting can't help.
func (assessment Assessment) Finally() Assessment {
	assessment.Final = true
	return assessment
}

// Recheck asks to be called again after so long.
func (assessment Assessment) Recheck(after time.Duration) Assessment {
	assessment.RecheckAfter = after
	return assessment
}

// Needing asks to be called again with related objects: owned-pods, events, storage-class.
func (assessment Assessment) Needing(related ...string) Assessment {
	assessment.Need = append(assessment.Need, related...)
	return assessment
}
