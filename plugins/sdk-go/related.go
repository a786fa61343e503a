package capstan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Related are related objects, or why there are none.
type Related struct {
	Objects []Object `json:"objects"`
	// Total also counts objects that the host leaves out.
	Total int `json:"total"`
	// Missing lists what pods mount and what doesn't exist.
	Missing []MissingMount `json:"missing"`
	// Refused is why the host didn't fetch them.
	Refused string `json:"refused"`
}

// MissingMount is a Secret or ConfigMap that a pod mounts and that doesn't exist.
type MissingMount struct {
	Pod  string `json:"pod"`
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// IsSecondCall says whether this call has the related objects that the first answer needed.
func (input HealthInput) IsSecondCall() bool { return input.Related != nil }

// OwnedPods returns the pods that the object owns, if the first answer needed owned-pods.
func (input HealthInput) OwnedPods() Related { return input.Related["owned-pods"] }

// Events returns the events about the object, newest first, if the first answer needed events.
func (input HealthInput) Events() Related { return input.Related["events"] }

// Explanation summarises the pods' problems in one sentence, else the newest warning. It is empty if there is neither.
func (input HealthInput) Explanation() string {
	if troubles := input.OwnedPods().PodTroubles(); troubles != "" {
		return troubles
	}
	for _, object := range input.Events().Objects {
		var event struct{ Type, Reason, Message string }
		if object.Read(&event) == nil && event.Type == "Warning" {
			return event.Reason + ": " + event.Message
		}
	}
	return ""
}

// People read about at most so many kinds of trouble.
const maxTold = 2

// How bad a trouble is.
const (
	unscheduled = iota
	crashes
	stuck
)

type trouble struct {
	weight int
	text   string
}

// PodTroubles summarises what is wrong with pods: "2 of 3 pods: back-off pulling image acme/api:1.2 (not found)".
func (related Related) PodTroubles() string {
	counts := map[trouble]int{}
	for _, object := range related.Objects {
		var pod pod
		if object.Read(&pod) != nil {
			continue
		}
		lacks := slices.IndexFunc(related.Missing, func(missing MissingMount) bool { return missing.Pod == pod.Metadata.Name })
		var missing *MissingMount
		if lacks >= 0 {
			missing = &related.Missing[lacks]
		}
		if found, ok := pod.trouble(missing); ok {
			counts[found]++
		}
	}
	var worst []trouble
	for found := range counts {
		worst = append(worst, found)
	}
	slices.SortFunc(worst, func(one, other trouble) int {
		return cmp.Or(
			cmp.Compare(other.weight, one.weight),
			cmp.Compare(counts[other], counts[one]),
			cmp.Compare(one.text, other.text),
		)
	})
	total, pods := max(related.Total, len(related.Objects)), "pods"
	if total == 1 {
		pods = "pod"
	}
	var told []string
	for _, found := range worst[:min(len(worst), maxTold)] {
		told = append(told, fmt.Sprintf("%d of %d %s: %s", counts[found], total, pods, found.text))
	}
	return strings.Join(told, "; ")
}

type pod struct {
	Metadata struct {
		Name              string `json:"name"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		Phase                 string            `json:"phase"`
		Conditions            []Condition       `json:"conditions"`
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type containerStatus struct {
	Name      string         `json:"name"`
	Image     string         `json:"image"`
	State     containerState `json:"state"`
	LastState containerState `json:"lastState"`
}

type containerState struct {
	Waiting    *stateReason `json:"waiting"`
	Terminated *stateReason `json:"terminated"`
}

type stateReason struct {
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	ExitCode *int64 `json:"exitCode"`
}

func (pod pod) trouble(lacks *MissingMount) (trouble, bool) {
	// One that has ended is counted by its owner, and another may have taken its place.
	if pod.Metadata.DeletionTimestamp != "" || pod.Status.Phase == "Failed" {
		return trouble{}, false
	}
	if lacks != nil {
		return trouble{stuck, fmt.Sprintf("%s/%s, which it mounts, doesn't exist", lacks.Kind, lacks.Name)}, true
	}
	var found []trouble
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if one, ok := container.trouble(); ok {
			found = append(found, one)
		}
	}
	if len(found) > 0 {
		return slices.MaxFunc(found, func(one, other trouble) int {
			return cmp.Or(cmp.Compare(one.weight, other.weight), cmp.Compare(one.text, other.text))
		}), true
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == "PodScheduled" && condition.Status == "False" {
			return trouble{unscheduled, "no node: " + condition.Message}, true
		}
	}
	return trouble{}, false
}

func (container containerStatus) trouble() (trouble, bool) {
	waiting := container.State.Waiting
	if waiting == nil {
		return trouble{}, false
	}
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable":
		return trouble{stuck, fmt.Sprintf("back-off pulling image %s (%s)", container.Image, pullCause(waiting.Message))}, true
	case "InvalidImageName":
		return trouble{stuck, fmt.Sprintf("`%s` is not an image name", container.Image)}, true
	case "ErrImageNeverPull":
		return trouble{stuck, fmt.Sprintf("image %s isn't on the node, and is never to be pulled", container.Image)}, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return trouble{stuck, fmt.Sprintf("container %s can't be started: %s", container.Name, waiting.Message)}, true
	case "CrashLoopBackOff":
		if end := container.lastEnd(); end != "" {
			return trouble{crashes, end + ", again and again"}, true
		}
		return trouble{crashes, fmt.Sprintf("container %s ends again and again", container.Name)}, true
	default:
		return trouble{}, false
	}
}

// lastEnd says how the container ended when it ran last, if it failed.
func (container containerStatus) lastEnd() string {
	switch end := container.LastState.Terminated; {
	case end == nil:
		return ""
	case end.Reason == "OOMKilled":
		return fmt.Sprintf("container %s ran out of memory", container.Name)
	case end.ExitCode == nil:
		return fmt.Sprintf("container %s failed", container.Name)
	case *end.ExitCode == 0:
		return ""
	default:
		return fmt.Sprintf("container %s failed with exit code %d", container.Name, *end.ExitCode)
	}
}

// pullCause says in a few words why an image can't be pulled. Each container runtime says it in its own words.
func pullCause(message string) string {
	lower := strings.ToLower(message)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(lower, word) })
	}
	isDenied := has("denied", "unauthorized", "forbidden", "authentication required", "no basic auth")
	isUnknown := has("not found", "notfound", "manifest unknown", "does not exist")
	switch {
	case isUnknown && isDenied:
		return "not found, or no access"
	case isUnknown:
		return "not found"
	case isDenied:
		return "no access"
	case has("too many requests", "toomanyrequests"):
		return "too many requests"
	case has("no such host", "connection refused", "timeout", "dial tcp"):
		return "its registry can't be reached"
	case message == "":
		return "no reason given"
	default:
		return message
	}
}
