package capstan

import (
	"strconv"
	"strings"
)

// Condition is an entry of status.conditions.
type Condition struct {
	Type string `json:"type"`
	// Status is the text True, False or Unknown.
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type withStatus struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Status struct {
		ObservedGeneration *int64      `json:"observedGeneration"`
		Conditions         []Condition `json:"conditions"`
	} `json:"status"`
}

// Condition returns the condition of this type, and whether there is one.
func (object Object) Condition(name string) (Condition, bool) {
	var read withStatus
	if object.Read(&read) != nil {
		return Condition{}, false
	}
	for _, condition := range read.Status.Conditions {
		if condition.Type == name {
			return condition, true
		}
	}
	return Condition{}, false
}

// IsConditionTrue says whether the condition of this type has the status True.
func (object Object) IsConditionTrue(name string) bool {
	condition, _ := object.Condition(name)
	return condition.Status == "True"
}

// IsConditionFalse says whether the condition of this type has the status False.
func (object Object) IsConditionFalse(name string) bool {
	condition, _ := object.Condition(name)
	return condition.Status == "False"
}

// IsObserved says whether the status is about the current spec. It is true for an object without observedGeneration.
func (object Object) IsObserved() bool {
	var read withStatus
	if object.Read(&read) != nil {
		return false
	}
	observed := read.Status.ObservedGeneration
	return observed == nil || *observed >= read.Metadata.Generation
}

// At returns the value at a JSON pointer (RFC 6901), and whether there is one. Numbers are of type [encoding/json.Number].
func (object Object) At(pointer string) (any, bool) {
	value := object.decode()
	if pointer == "" {
		return value, value != nil
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		key := strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch container := value.(type) {
		case map[string]any:
			member, found := container[key]
			if !found {
				return nil, false
			}
			value = member
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n < 0 || n >= len(container) {
				return nil, false
			}
			value = container[n]
		default:
			return nil, false
		}
	}
	return value, true
}
