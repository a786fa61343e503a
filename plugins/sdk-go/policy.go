package capstan

import "time"

// A DeletePolicy decides what becomes of hooks' objects.
type DeletePolicy interface {
	// Decide decides on one object of one hook.
	Decide(input PolicyInput) (Disposal, error)
}

// A Disposal is what becomes of a hook's object.
type Disposal struct {
	// Kind is keep, delete, delete-at or ask-again-at.
	Kind        string
	Propagation Propagation
	At          time.Time
}

// Keep says that this policy doesn't want to delete the object now.
func Keep() Disposal { return Disposal{Kind: "keep"} }

// DeleteNow deletes the object now.
func DeleteNow(propagation Propagation) Disposal {
	return Disposal{Kind: "delete", Propagation: propagation}
}

// DeleteAt deletes the object at this time.
func DeleteAt(at time.Time) Disposal { return Disposal{Kind: "delete-at", At: at} }

// AskAgainAt asks the policy again at this time.
func AskAgainAt(at time.Time) Disposal { return Disposal{Kind: "ask-again-at", At: at} }
