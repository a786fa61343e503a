package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resource is what the paths of the published documents say about a kind.
type resource struct {
	plural       string
	namespaced   bool
	verbs        map[string]bool
	subresources map[string]bool
}

type operation struct {
	Action string                   `json:"x-kubernetes-action"`
	Kind   *schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
}

type document struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

// kubernetes returns the directory of the module k8s.io/kubernetes.
func kubernetes() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m k8s.io/kubernetes: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// version returns the version of the module k8s.io/kubernetes.
func version() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m k8s.io/kubernetes: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// resources reads the published documents: every kind that has a path of its own.
func resources(directory string) (map[schema.GroupVersionKind]*resource, error) {
	files, err := filepath.Glob(filepath.Join(directory, "api", "openapi-spec", "v3", "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no published documents below %s: %v", directory, err)
	}
	sort.Strings(files)
	found := map[schema.GroupVersionKind]*resource{}
	// A subresource may be of another kind: of Scale, say.
	subresources := map[schema.GroupVersionResource]map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var read document
		if err := json.Unmarshal(text, &read); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for path, methods := range read.Paths {
			if err := take(found, subresources, path, methods); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, path, err)
			}
		}
	}
	for name, kind := range found {
		if kind.plural != "" {
			kind.subresources = subresources[name.GroupVersion().WithResource(kind.plural)]
		}
	}
	return found, nil
}

func take(
	found map[schema.GroupVersionKind]*resource,
	subresources map[schema.GroupVersionResource]map[string]bool,
	path string,
	methods map[string]json.RawMessage,
) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var served schema.GroupVersion
	switch {
	case len(parts) > 2 && parts[0] == "api":
		served = schema.GroupVersion{Version: parts[1]}
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		served = schema.GroupVersion{Group: parts[1], Version: parts[2]}
		parts = parts[3:]
	default:
		return nil
	}
	if parts[0] == "watch" {
		return nil
	}
	namespaced := len(parts) > 2 && parts[0] == "namespaces" && parts[1] == "{namespace}"
	if namespaced {
		parts = parts[2:]
	}
	for method, text := range methods {
		if method == "parameters" {
			continue
		}
		var read operation
		if err := json.Unmarshal(text, &read); err != nil {
			return err
		}
		if read.Kind == nil || read.Action == "" {
			continue
		}
		kind := found[*read.Kind]
		if kind == nil {
			kind = &resource{verbs: map[string]bool{}}
			found[*read.Kind] = kind
		}
		switch {
		case len(parts) <= 2:
			kind.plural = parts[0]
			kind.namespaced = kind.namespaced || namespaced
			kind.verbs[read.Action] = true
		case len(parts) == 3:
			name := served.WithResource(parts[0])
			if subresources[name] == nil {
				subresources[name] = map[string]bool{}
			}
			subresources[name][parts[2]] = true
		}
	}
	return nil
}
