// Package capstan is for plugins of Capstan: health checks, hook types and delete policies.
//
// A plugin is a WebAssembly component that `capstan plugin build` makes of a program. The program exports what it has in init:
//
//	package main
//
//	import (
//		"fmt"
//
//		capstan "capstan.dev/plugins/sdk-go"
//		"capstan.dev/plugins/sdk-go/export/health"
//	)
//
//	type queue struct {
//		Status struct {
//			Accepted bool
//			Backlog  int
//		}
//	}
//
//	type check struct{}
//
//	func (check) Assess(input capstan.HealthInput) (capstan.Assessment, error) {
//		var queue queue
//		if err := input.Object.Read(&queue); err != nil {
//			return capstan.Assessment{}, err
//		}
//		switch status := queue.Status; {
//		case !status.Accepted:
//			return capstan.Progressing("Queue/accepted", "not accepted by a broker yet"), nil
//		case status.Backlog == 0:
//			return capstan.Healthy("Queue/drained"), nil
//		default:
//			return capstan.Progressing("Queue/backlog", fmt.Sprintf("%d messages wait", status.Backlog)), nil
//		}
//	}
//
//	func init() { health.Export(check{}) }
//
//	func main() {}
//
// In reading order: [HealthCheck] with its [Assessment]; [HookType] with its [Step], [Observation] and [Request]; [DeletePolicy] with its
// [Disposal]; the errors [Invalid] and [RetryLater]; the helpers [Object.Condition], [HealthInput.Explanation], [OwnObject] and
// [Attempts]; [Now] and [Log], which are all that a plugin can call. The packages export/health, export/hook and export/deletepolicy
// make an interface part of the component. The package capstantest asks a plugin in a go test.
package capstan
