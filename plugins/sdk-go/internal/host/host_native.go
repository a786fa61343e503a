//go:build !wasip1

// Package host is what a plugin can call. Outside of a component a test sets and reads it.
package host

// Now is what NowUnixMs returns.
var Now int64

// Line is a line of the log.
type Line struct {
	Level uint8
	Text  string
}

// Lines is what was logged.
var Lines []Line

// NowUnixMs returns the time of the call.
func NowUnixMs() int64 { return Now }

// Log writes a line.
func Log(level uint8, text string) { Lines = append(Lines, Line{level, text}) }
