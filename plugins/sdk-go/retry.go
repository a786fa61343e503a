package capstan

import (
	"fmt"
	"math"
	"time"
)

// Attempts counts attempts. Make it a field of the state.
type Attempts struct {
	// Made is the number of attempts that have failed.
	Made uint32 `json:"made"`
}

// Retry says how often something is tried, and how long the waits are.
type Retry struct {
	// Limit is the number of attempts, 5 if it is 0.
	Limit uint32
	// Wait is the wait before the second attempt, 5 s if it is 0.
	Wait time.Duration
	// Factor is by how much each wait is longer than the one before, 1 if it is 0.
	Factor float64
	// MaxWait is the longest wait, a minute if it is 0.
	MaxWait time.Duration
}

const minWait = 100 * time.Millisecond

// Number returns the number of the attempt under way, from 1: a new request ID for each attempt.
func (attempts *Attempts) Number() uint32 { return attempts.Made + 1 }

// RetryOrFail counts a failed attempt. It returns an answer that is woken for the next attempt, or a failure after the last one.
func (attempts *Attempts) RetryOrFail(reason string, retry Retry) Step {
	limit, wait, factor, maxWait := orDefault(retry.Limit, 5), orDefault(retry.Wait, 5*time.Second), orDefault(retry.Factor, 1), orDefault(retry.MaxWait, time.Minute)
	attempts.Made++
	if attempts.Made >= limit {
		if attempts.Made == 1 {
			return Failed(reason)
		}
		return Failed(fmt.Sprintf("%s, after %d attempts", reason, attempts.Made))
	}
	after := min(float64(wait)*math.Pow(factor, float64(attempts.Made-1)), float64(maxWait))
	return Running(fmt.Sprintf("attempt %d of %d: %s", attempts.Made, limit, reason)).Wake(max(minWait, time.Duration(after)))
}

func orDefault[T uint32 | float64 | time.Duration](value, usual T) T {
	if value == 0 {
		return usual
	}
	return value
}
