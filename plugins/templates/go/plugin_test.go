package main

import (
	"testing"

	"capstan.dev/plugins/sdk-go/capstantest"
	"go.yaml.in/yaml/v3"
)

// Runs the cases of `capstan plugin test` in Go, without WebAssembly.
func TestCases(t *testing.T) {
	plugin := capstantest.Plugin{{{go_plugin}}}
	capstantest.RunCases(t, "cases", plugin, yaml.Unmarshal)
}
