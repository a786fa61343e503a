// Command health asks one health check about one object again and again, as the tools that people have do it: by gopher-lua as Argo CD
// uses it, and by cel-go as Flux does. The question comes as JSON on stdin, how long each call took goes to stdout.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// question is what is asked, and how often.
type question struct {
	Calls  int               `json:"calls"`
	Object map[string]any    `json:"object"`
	Script string            `json:"script"`
	Cel    map[string]string `json:"cel"`
}

// row is one way of asking, with what each call took in nanoseconds.
type row struct {
	Name  string  `json:"name"`
	Times []int64 `json:"times"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	compiled, err := compile(asked.Script)
	if err != nil {
		fail(err)
	}
	checks, err := checks(asked.Cel)
	if err != nil {
		fail(err)
	}
	ways := []struct {
		name string
		ask  func() (string, error)
	}{
		{"gopher-lua, compiled each time", func() (string, error) { return byLua(asked.Object, nil, asked.Script) }},
		{"gopher-lua, compiled once", func() (string, error) { return byLua(asked.Object, compiled, "") }},
		{"cel-go, compiled once", func() (string, error) { return checks.judge(asked.Object) }},
	}
	var rows []row
	for _, way := range ways {
		times := make([]int64, 0, asked.Calls)
		for range asked.Calls {
			began := time.Now()
			status, err := way.ask()
			times = append(times, time.Since(began).Nanoseconds())
			if err != nil {
				fail(err)
			}
			if status != "Healthy" {
				fail(fmt.Errorf("%s: the object is %s", way.name, status))
			}
		}
		rows = append(rows, row{way.name, times})
	}
	if err := json.NewEncoder(os.Stdout).Encode(rows); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
