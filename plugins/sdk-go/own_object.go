package capstan

import (
	"fmt"
	"time"
)

// OwnObject is what a hook remembers that is one object: it is created, followed until a verdict, and may vanish before. Use it as the state
// of a hook type, or as a field of it.
type OwnObject struct {
	Reruns     int  `json:"reruns"`
	Tries      int  `json:"tries"`
	IsRetrying bool `json:"isRetrying"`
}

const (
	createRequest = 1
	watchRequest  = 2
	// After so many objects that vanished, something deletes them on purpose.
	maxReruns  = 3
	maxTries   = 6
	retryDelay = 5 * time.Second
	vanished   = "its object vanished before it had a verdict"
)

// Begin creates the hook's own object and watches it. It uses the request IDs 1 and 2.
func (own *OwnObject) Begin(message string) Step {
	return Running(message, CreateOwn(createRequest), WatchOwn(watchRequest))
}

// Follow ends the hook by the health of its own object: healthy is success, degraded is failure.
func (own *OwnObject) Follow(input HookInput, seen Observation) Step {
	changed, isObject := seen.(ObjectChanged)
	if !isObject {
		return own.Settle(input, seen)
	}
	or := func(usual string) string {
		if changed.Health.Message != "" {
			return changed.Health.Message
		}
		return usual
	}
	switch changed.Health.Status {
	case StatusHealthy:
		return Succeeded(or("healthy"))
	case StatusDegraded:
		return Failed(or("degraded"))
	case StatusProgressing:
		return Running(or("waiting for its object to become healthy"))
	case StatusSuspended:
		return Running(or("suspended"))
	case StatusMissing:
		return own.vanished(input)
	default:
		return Running("can't tell how its object is: " + or("nobody says"))
	}
}

// Settle answers every observation that isn't the object itself, for a hook that judges its object by its own rules.
func (own *OwnObject) Settle(input HookInput, seen Observation) Step {
	switch seen := seen.(type) {
	case Gone:
		return own.vanished(input)
	case Refused:
		return Failed(seen.Reason)
	case RequestFailed:
		if !seen.IsTemporary || own.Tries >= maxTries {
			return Failed(seen.Reason)
		}
		own.Tries++
		own.IsRetrying = true
		return Running("trying again: " + seen.Reason).Wake(retryDelay)
	case Woke:
		if own.IsRetrying {
			own.IsRetrying = false
			return own.Begin("trying again")
		}
	case Created, ObjectChanged:
		return Running("waiting for its object")
	}
	return Running("waiting for its object to change")
}

func (own *OwnObject) vanished(input HookInput) Step {
	switch {
	case input.Hook.OnVanished == "succeed":
		return Succeeded(vanished + ", which counts as success")
	case input.Hook.OnVanished != "rerun":
		return Failed(vanished)
	case own.Reruns >= maxReruns:
		return Failed(fmt.Sprintf("%s, %d times in a row", vanished, own.Reruns+1))
	default:
		own.Reruns++
		return own.Begin(fmt.Sprintf("%s; creating it again (%d of %d)", vanished, own.Reruns, maxReruns))
	}
}
