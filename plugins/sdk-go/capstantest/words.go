package capstantest

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
)

func requestWords(request capstan.Request) any {
	switch value := request.Value.(type) {
	case nil:
		return map[string]any{}
	case capstan.ObjectRef:
		return refWords(value)
	case capstan.Selector:
		return map[string]any{
			"apiVersion": value.APIVersion, "kind": value.Kind, "namespace": orNull(value.Namespace), "labels": value.Labels,
		}
	case capstan.PatchRequest:
		return map[string]any{"object": refWords(value.Object), "merge": parsed(value.Merge)}
	case capstan.Deletion:
		return map[string]any{"object": refWords(value.Object), "propagation": value.Propagation}
	case capstan.HTTPCall:
		headers := map[string]any{}
		for _, header := range value.Headers {
			headers[header.Name] = headerWords(header)
		}
		return map[string]any{
			"method": call.Method(value), "url": value.URL, "headers": headers, "body": bodyWords(value.Body),
			"timeout-ms": call.TimeoutMs(value),
		}
	default:
		if request.Kind == "apply" {
			return parsed(value)
		}
		return value
	}
}

func refWords(ref capstan.ObjectRef) any {
	return map[string]any{"apiVersion": ref.APIVersion, "kind": ref.Kind, "namespace": orNull(ref.Namespace), "name": ref.Name}
}

func headerWords(header capstan.Header) any {
	if header.Secret == nil {
		return header.Text
	}
	words := map[string]any{"secret": header.Secret.Name, "key": header.Secret.Key}
	if header.Secret.Prefix != "" {
		words["prefix"] = header.Secret.Prefix
	}
	return words
}

// A body that isn't UTF-8 is in base64.
func bodyWords(body []byte) any {
	switch {
	case body == nil:
		return nil
	case utf8.Valid(body):
		return string(body)
	default:
		return base64.StdEncoding.EncodeToString(body)
	}
}

func failureWords(err error) map[string]any {
	failure := call.AsFailure(err)
	if failure.Kind == "retry" {
		return map[string]any{"retry": failure.Message, "after-ms": failure.After.Milliseconds()}
	}
	return map[string]any{failure.Kind: failure.Message}
}

// parsed is what the host reads from the JSON text.
func parsed(value any) any {
	text, err := call.JSON(value)
	if err != nil || !json.Valid([]byte(text)) {
		return text
	}
	return json.RawMessage(text)
}

func encode(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// plain turns an answer into plain JSON values, for a comparison.
func plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var read any
	err = json.Unmarshal(text, &read)
	return read, err
}

func milliseconds(duration time.Duration) any {
	if duration <= 0 {
		return nil
	}
	return duration.Milliseconds()
}

func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func orTest(claim string) string {
	if claim == "" {
		return "test"
	}
	return claim
}
