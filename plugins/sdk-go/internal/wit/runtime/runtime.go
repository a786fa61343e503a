// Package runtime hands out the memory in which the host and the plugin pass values to each other.
package runtime

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// An instance lives for one call, so nothing is ever collected; the host bounds its memory. A collection that began while the host
// asks for memory would trap: it reads the clock, and a component may call nothing at that moment.
func init() {
	debug.SetGCPercent(-1)
}

// Fault says what a plugin panicked about, and writes where to stderr, which the host shows. Without that nobody would know: a Go
// program that ends by a panic first waits for other threads, and during a call no time passes.
func Fault(fault any) string {
	os.Stderr.Write(debug.Stack())
	return fmt.Sprintf("panic: %v", fault)
}

// Allocate returns memory for a part of an answer, which stays where it is until it is unpinned.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Words of 8 bytes are aligned for everything that the contract has.
	words := make([]uint64, (size+7)/8)
	memory := unsafe.Pointer(unsafe.SliceData(words))
	pinner.Pin(memory)
	return memory
}

// Unpin lets go of what the host passed in, which nobody collects.
func Unpin() {}

//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// The host asks for memory for what it passes in, for the first time before Go has started: so it comes from outside of Go's heap.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	memory := sbrk(size + align)
	gap := -uintptr(memory) & (align - 1)
	memory = unsafe.Add(memory, gap)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return memory
}
