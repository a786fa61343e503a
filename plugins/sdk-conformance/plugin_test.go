package main

import (
	"os"
	"slices"
	"testing"

	"capstan.dev/plugins/sdk-go/capstantest"
	"go.yaml.in/yaml/v3"
)

var plugin = capstantest.Plugin{Health: check{}, Hook: capstantest.AsHook(probe{}), DeletePolicy: policy{}}

func TestCases(t *testing.T) {
	capstantest.RunCases(t, "cases", plugin, yaml.Unmarshal)
}

// Fails on purpose: whoever runs it checks that it says where.
func TestWrong(t *testing.T) {
	if os.Getenv("CAPSTAN_WRONG") == "" {
		t.Skip("CAPSTAN_WRONG isn't set")
	}
	capstantest.RunCases(t, "wrong", plugin, yaml.Unmarshal)
}

func TestTheLogIsKeptForTheTest(t *testing.T) {
	capstantest.TakeLog()
	object := map[string]any{"apiVersion": "example.com/v1", "kind": "Probe"}
	if _, err := capstantest.Assess(plugin.Health, object, ""); err != nil {
		t.Fatal(err)
	}
	if log := capstantest.TakeLog(); !slices.Equal(log, []string{"claim example.com/Probe"}) {
		t.Error(log)
	}
}
