// Judges the health of Queues: healthy when no message waits.
package main

import (
	"fmt"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/export/health"
)

// What is read of an object. Kubernetes omits empty values.
type queue struct {
	Status struct {
		Accepted bool
		Backlog  uint64
	}
}

type check struct{}

// Assess assesses one object.
func (check) Assess(input capstan.HealthInput) (capstan.Assessment, error) {
	var queue queue
	if err := input.Object.Read(&queue); err != nil {
		return capstan.Assessment{}, err
	}
	switch status := queue.Status; {
	case !status.Accepted:
		return capstan.Progressing("Queue/accepted", "not accepted by a broker yet"), nil
	case status.Backlog == 0:
		return capstan.Healthy("Queue/drained"), nil
	default:
		return capstan.Progressing("Queue/backlog", fmt.Sprintf("%d messages wait", status.Backlog)), nil
	}
}

func init() { health.Export(check{}) }

func main() {}
