package capstan

import (
	"fmt"
	"time"

	"capstan.dev/plugins/sdk-go/internal/host"
)

// A LogLevel says how important a line of the log is.
type LogLevel uint8

// The levels.
const (
	Trace LogLevel = iota
	Debug
	Info
	Warn
	Error
)

// Log writes a line to the plugin's log, which the host shows. At most 100 lines and 16 KiB a call.
func Log(level LogLevel, format string, values ...any) {
	host.Log(uint8(level), fmt.Sprintf(format, values...))
}

// Now returns the time of this call, in UTC. It doesn't change during a call.
func Now() time.Time { return time.UnixMilli(host.NowUnixMs()).UTC() }
