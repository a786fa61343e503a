// Package host is what a plugin can call.
package host

import "unsafe"

//go:wasmimport capstan:plugin/host@0.1.0 now-unix-ms
func nowUnixMs() int64

//go:wasmimport capstan:plugin/host@0.1.0 log
func log(level uint32, text unsafe.Pointer, length uint32)

// NowUnixMs returns the time of the call.
func NowUnixMs() int64 { return nowUnixMs() }

// Log writes a line.
func Log(level uint8, text string) {
	log(uint32(level), unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}
