// Decodes texts as kubectl does: one JSON string in each line of the input, one answer in each line of the output.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// answer is what became of one text: its documents as JSON, or why it was refused.
type answer struct {
	Documents []json.RawMessage `json:"documents,omitempty"`
	Error     string            `json:"error,omitempty"`
}

// decode reads a text as the StreamVisitor of k8s.io/cli-runtime does.
func decode(text string) (found answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			found = answer{Error: fmt.Sprintf("panic: %v", panicked)}
		}
	}()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var document json.RawMessage
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		if len(document) > 0 && string(document) != "null" {
			found.Documents = append(found.Documents, document)
		}
	}
}

func main() {
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	output := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(output)
	for {
		var text string
		if err := input.Decode(&text); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(decode(text)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := output.Flush(); err != nil {
			os.Exit(1)
		}
	}
}
