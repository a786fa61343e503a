package capstantest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	capstan "capstan.dev/plugins/sdk-go"
)

// A Decode reads a document: Unmarshal of a package for YAML, or of encoding/json.
type Decode func(text []byte, value any) error

// Plugin is what the cases ask. Leave out what the plugin doesn't have.
type Plugin struct {
	Health       capstan.HealthCheck
	Hook         Hook
	DeletePolicy capstan.DeletePolicy
}

const argoCDCases = "health_test.yaml"

// RunCases runs the cases of a folder: those that `capstan plugin test` runs. Each is a subtest. Argo CD's health_test.yaml is left to
// `capstan plugin test`.
func RunCases(t *testing.T, folder string, plugin Plugin, decode Decode) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		isCases := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file.Name())) && file.Name() != argoCDCases
		if !isCases {
			continue
		}
		cases := map[string]any{}
		if err := read(filepath.Join(folder, file.Name()), decode, &cases); err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for name := range cases {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			count++
			t.Run(name, func(t *testing.T) {
				written, isMapping := cases[name].(map[string]any)
				if !isMapping {
					t.Fatal("a case is a mapping")
				}
				if err := run(written, plugin, folder, decode); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if count == 0 {
		t.Fatalf("%s has no cases", folder)
	}
}

// read reads a document into plain JSON values.
func read(path string, decode Decode, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document any
	if err := decode(text, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	plain, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return json.Unmarshal(plain, into)
}

func run(written map[string]any, plugin Plugin, folder string, decode Decode) error {
	claim, _ := written["claim"].(string)
	now := start
	if _, isPlan := written["place"]; isPlan {
		// Planning has no time.
		now = time.UnixMilli(0)
	}
	if text, isSet := written["now"].(string); isSet {
		moment, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return err
		}
		now = moment
	}
	SetNow(now)
	input := func(key string) (map[string]any, bool, error) {
		value, isThere := written[key]
		if path, isName := value.(string); isName && key == "assess" {
			value = map[string]any{"object": path}
		}
		mapping, _ := value.(map[string]any)
		mapping, err := withObject(mapping, folder, decode)
		return mapping, isThere, err
	}
	if given, isThere, err := input("assess"); isThere {
		if err != nil {
			return err
		}
		if plugin.Health == nil {
			return missing("Health")
		}
		answer, err := Assess(plugin.Health, given, claim)
		return expect(written, answer, err, "")
	}
	if given, isThere, err := input("place"); isThere {
		if err != nil {
			return err
		}
		if plugin.Hook == nil {
			return missing("Hook")
		}
		answer, err := Place(plugin.Hook, given, claim)
		return expect(written, answer, err, "")
	}
	if given, isThere, err := input("decide"); isThere {
		if err != nil {
			return err
		}
		if plugin.DeletePolicy == nil {
			return missing("DeletePolicy")
		}
		if text, isText := given["finishedAt"].(string); isText {
			moment, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return err
			}
			given["finishedAt"] = moment.UnixMilli()
		}
		answer, err := Decide(plugin.DeletePolicy, given, claim)
		return expect(written, answer, err, "")
	}
	given, isThere, err := input("hook")
	if err != nil {
		return err
	}
	if !isThere {
		return fmt.Errorf("a case has one of assess, place, decide and hook")
	}
	if plugin.Hook == nil {
		return missing("Hook")
	}
	return runHook(NewRun(plugin.Hook, given, claim, now), written, folder, decode)
}

func missing(field string) error {
	return fmt.Errorf("the case asks `%s`, which Plugin doesn't have", field)
}

func runHook(run *Run, written map[string]any, folder string, decode Decode) error {
	steps, _ := written["steps"].([]any)
	for n, step := range steps {
		step, _ := step.(map[string]any)
		after := time.Duration(0)
		if text, isSet := step["after"].(string); isSet {
			var err error
			if after, err = duration(text); err != nil {
				return err
			}
		}
		var answer any
		var err error
		switch see := step["see"].(type) {
		case nil:
			if reason, isAbort := step["abort"].(string); isAbort {
				answer, err = run.Abort(reason, after)
			} else {
				answer, err = run.Start()
			}
		case string:
			answer, err = run.See(map[string]any{"kind": see}, after)
		case map[string]any:
			var seen map[string]any
			if seen, err = withObject(see, folder, decode); err == nil {
				answer, err = run.See(seen, after)
			}
		default:
			err = fmt.Errorf("`see` is a word or a mapping")
		}
		where := fmt.Sprintf(" in step %d", n+1)
		_, isExpected := step["expect"]
		switch {
		case isExpected || err != nil:
			if err := expect(step, answer, err, where); err != nil {
				return err
			}
		case n+1 == len(steps):
			return fmt.Errorf("the last step expects nothing")
		}
	}
	return nil
}

// withObject loads an object that is named by its file.
func withObject(input map[string]any, folder string, decode Decode) (map[string]any, error) {
	if input == nil {
		input = map[string]any{}
	}
	name, isName := input["object"].(string)
	if !isName {
		return input, nil
	}
	var object any
	if err := read(filepath.Join(folder, name), decode, &object); err != nil {
		return nil, err
	}
	copied := map[string]any{}
	for key, value := range input {
		copied[key] = value
	}
	copied["object"] = object
	return copied, nil
}

var durationPart = regexp.MustCompile(`([\d.]+)\s*(ms|s|m|h|d)`)

func duration(text string) (time.Duration, error) {
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	parts := durationPart.FindAllStringSubmatch(text, -1)
	if len(parts) == 0 {
		return 0, fmt.Errorf("`%s` is not a duration like `2s`", text)
	}
	sum := time.Duration(0)
	for _, part := range parts {
		number, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(number * float64(units[part[2]]))
	}
	return sum, nil
}

// expect compares an answer with the expected one.
func expect(written map[string]any, answer any, err error, where string) error {
	if err != nil {
		return fmt.Errorf("%w%s", err, where)
	}
	expected, isThere := written["expect"]
	if !isThere {
		return fmt.Errorf("the case expects nothing: write `expect`")
	}
	var found []string
	compare("", expected, answer, &found)
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("the answer%s is another than expected:\n%s", where, strings.Join(found, "\n"))
}

// compare finds the differences. Keys of a mapping that aren't expected may have any value; lists are compared whole.
func compare(path string, expected, actual any, found *[]string) {
	if expected, isMapping := expected.(map[string]any); isMapping {
		if actual, isMapping := actual.(map[string]any); isMapping {
			for _, key := range sortedKeys(expected) {
				compare(strings.TrimPrefix(path+"."+key, "."), expected[key], actual[key], found)
			}
			return
		}
	}
	if expected, isList := expected.([]any); isList {
		if actual, isList := actual.([]any); isList && len(expected) == len(actual) {
			for n := range expected {
				compare(fmt.Sprintf("%s[%d]", path, n), expected[n], actual[n], found)
			}
			return
		}
	}
	one, other := show(expected), show(actual)
	if one == other || isSameMoment(expected, actual) {
		return
	}
	if path == "" {
		path = "the answer"
	}
	*found = append(*found, fmt.Sprintf("  %s\n    - %s\n    + %s", path, one, other))
}

func isSameMoment(expected, actual any) bool {
	one, isText := expected.(string)
	other, isOtherText := actual.(string)
	if !isText || !isOtherText {
		return false
	}
	moment, err := time.Parse(time.RFC3339Nano, one)
	otherMoment, otherErr := time.Parse(time.RFC3339Nano, other)
	return err == nil && otherErr == nil && moment.Equal(otherMoment)
}

func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func sortedKeys(mapping map[string]any) []string {
	keys := []string{}
	for key := range mapping {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
