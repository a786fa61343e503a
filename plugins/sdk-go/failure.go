package capstan

import "time"

// A Failure is an error that is an answer of the contract. Every other error is one, too: health becomes Unknown, a hook
// fails, a delete policy keeps.
type Failure struct {
	// Kind is invalid, retry or failed.
	Kind string
	// Message is for people.
	Message string
	// After is how long the host waits at least before it asks again.
	After time.Duration
}

// Error returns the message.
func (failure *Failure) Error() string { return failure.Message }

// Invalid says that the input can never work; the message tells the user what to change. The host doesn't ask again.
func Invalid(message string) error { return &Failure{Kind: "invalid", Message: message} }

// RetryLater says that it may work later: the host asks again after at least this long (100 ms or more), at most five times in a row.
func RetryLater(message string, after time.Duration) error {
	return &Failure{Kind: "retry", Message: message, After: after}
}
