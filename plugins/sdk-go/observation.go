package capstan

import (
	"encoding/base64"
	"encoding/json"
)

// An Observation is the one thing that a hook type is told when it continues. Use a type switch.
type Observation interface {
	// Answers returns the ID of the request that it answers; 0 for [Woke].
	Answers() uint32
	// Kind returns the name of the contract.
	Kind() string
}

type observed struct {
	id   uint32
	kind string
}

func (observed observed) Answers() uint32 { return observed.id }
func (observed observed) Kind() string    { return observed.kind }

type (
	// Created says that the hook's own object exists.
	Created struct {
		observed
		Object Object
	}
	// ObjectChanged is the present state of a watched or read object.
	ObjectChanged struct {
		observed
		Object Object
		Health ObjectHealth
	}
	// Gone says that a watched object no longer exists, or was never found.
	Gone struct{ observed }
	// Deleted says that a deletion is complete.
	Deleted struct{ observed }
	// Done says that a request without a result was performed.
	Done struct{ observed }
	// ObjectList is the result of [List].
	ObjectList struct {
		observed
		Objects []Object
	}
	// LogLines are log lines of the pods of the hook's own object.
	LogLines struct {
		observed
		Lines []LogLine
	}
	// HTTPResponse is the response to [HTTP].
	HTTPResponse struct {
		observed
		Status int
		// Headers have names in lower case.
		Headers map[string]string
		// Body is the first 64 KiB.
		Body []byte
		// IsCut says that the body had more.
		IsCut bool
	}
	// Signal says that a signal arrived.
	Signal struct {
		observed
		Name, By string
		// Value is what was sent with it.
		Value Object
	}
	// Woke says that the requested time has come.
	Woke struct{ observed }
	// Refused says that the request was not performed and will not be.
	Refused struct {
		observed
		Reason string
	}
	// RequestFailed says that the request was tried and failed.
	RequestFailed struct {
		observed
		Reason string
		// IsTemporary says that a retry may help.
		IsTemporary bool
	}
	// UnknownObservation is of a kind that this version doesn't know.
	UnknownObservation struct {
		observed
		Raw Object
	}
)

// ObjectHealth is the health of an object, from the plugin that claims its kind.
type ObjectHealth struct {
	Status  HealthStatus `json:"status"`
	Message string       `json:"message"`
	Rule    string       `json:"rule"`
	Final   bool         `json:"final"`
}

// LogLine is a line of a container's log.
type LogLine struct {
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Text      string `json:"text"`
}

// ReadObservation reads an observation of the host.
func ReadObservation(text []byte) (Observation, error) {
	var raw struct {
		Kind      string            `json:"kind"`
		Answers   uint32            `json:"answers"`
		Object    Object            `json:"object"`
		Health    ObjectHealth      `json:"health"`
		Objects   []Object          `json:"objects"`
		Lines     []LogLine         `json:"lines"`
		Status    int               `json:"status"`
		Headers   map[string]string `json:"headers"`
		Body      string            `json:"body"`
		Cut       bool              `json:"cut"`
		Name      string            `json:"name"`
		By        string            `json:"by"`
		Value     Object            `json:"value"`
		Reason    string            `json:"reason"`
		Temporary bool              `json:"temporary"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	about := observed{raw.Answers, raw.Kind}
	switch raw.Kind {
	case "created":
		return Created{about, raw.Object}, nil
	case "object":
		if raw.Health.Status == "" {
			raw.Health.Status = StatusUnknown
		}
		return ObjectChanged{about, raw.Object, raw.Health}, nil
	case "gone":
		return Gone{about}, nil
	case "deleted":
		return Deleted{about}, nil
	case "done":
		return Done{about}, nil
	case "objects":
		return ObjectList{about, raw.Objects}, nil
	case "log":
		return LogLines{about, raw.Lines}, nil
	case "http":
		body, err := base64.StdEncoding.DecodeString(raw.Body)
		return HTTPResponse{about, raw.Status, raw.Headers, body, raw.Cut}, err
	case "signal":
		return Signal{about, raw.Name, raw.By, raw.Value}, nil
	case "woke":
		return Woke{about}, nil
	case "refused":
		return Refused{about, raw.Reason}, nil
	case "failed":
		return RequestFailed{about, raw.Reason, raw.Temporary}, nil
	default:
		return UnknownObservation{about, Object(text)}, nil
	}
}
